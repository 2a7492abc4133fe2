"""A real mysqld in trouble, and what the operator's code makes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pymysql
from pba_standin.contract.failures import FailuresContract
from pba_standin.contract.question import Question

from pba_hack.waiting import wait_for
from pba_operator.mysql.errors import Unreachable, translated


class TestFailures(FailuresContract):
    """Of mysqld: `tests/unit/standin/test_contract.py` asks the stand-in the same."""

    def test_a_statement_under_way_when_mysqld_ends_is_told_to_pass(self, question: Question) -> None:
        subject = question.subject
        with (
            ThreadPoolExecutor(1) as threads,
            subject.log_in(*subject.admin) as backup,
            subject.log_in(*subject.admin) as connection,
        ):
            backup.query("FLUSH TABLES WITH READ LOCK")
            asking = threads.submit(connection.query, "CREATE DATABASE another")
            waiting = (
                "SELECT state FROM information_schema.processlist WHERE info = 'CREATE DATABASE another'"
            )
            wait_for("it to be under way", lambda: "lock" in str(subject.sql(waiting)), 30)
            subject.end()
            error = asking.exception(60)
        subject.begin()
        assert isinstance(error, pymysql.MySQLError)
        assert error.args == (1317, "Query execution was interrupted")
        assert isinstance(translated(error), Unreachable)
