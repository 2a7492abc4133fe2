"""What is tried again, and what never is, when the database goes away in the middle of a transaction."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest
from sqlalchemy import exc

from pba_demoapp.database import Database
from pba_demoapp.errors import DatabaseReadOnlyError, DatabaseUnavailableError, OutcomeUnknownError

GONE = pymysql.OperationalError(2013, "Lost connection to MySQL server during query")
READ_ONLY = pymysql.OperationalError(1290, "The MySQL server is running with the --super-read-only option")
DEADLOCK = pymysql.OperationalError(1213, "Deadlock found when trying to get lock")
CONFLICT = pymysql.OperationalError(3101, "Plugin instructed the server to rollback the current transaction")
NO_HOST = pymysql.OperationalError(2003, "Can't connect to MySQL server")
DUPLICATE = pymysql.IntegrityError(1062, "Duplicate entry")


def wrapped(error: pymysql.MySQLError) -> exc.DBAPIError:
    kind = exc.IntegrityError if isinstance(error, pymysql.IntegrityError) else exc.OperationalError
    return kind("statement", {}, error)


class Connection:
    """A connection whose commit fails as the script says."""

    def __init__(self, at_commit: pymysql.MySQLError | None) -> None:
        self.at_commit = at_commit
        self.invalidated = False

    def commit(self) -> None:
        if self.at_commit is not None:
            raise wrapped(self.at_commit)

    def invalidate(self) -> None:
        self.invalidated = True

    def close(self) -> None:
        pass


class Engine:
    """Gives one connection after the other; an error in the script means that there is none to be had."""

    def __init__(self, *script: pymysql.MySQLError | Connection) -> None:
        self.script = list(script)
        self.given: list[Connection] = []

    def connect(self) -> Connection:
        step = self.script.pop(0)
        if isinstance(step, pymysql.MySQLError):
            raise wrapped(step)
        self.given.append(step)
        return step


class Work:
    """Work that fails as the script says, and counts how often it was begun."""

    def __init__(self, *script: pymysql.MySQLError | None) -> None:
        self.script = list(script)
        self.begun = 0

    def __call__(self, _: Any) -> str:
        self.begun += 1
        failure = self.script.pop(0)
        if failure is not None:
            raise wrapped(failure)
        return "done"


def run(engine: Engine, work: Work, *, idempotent: bool) -> str:
    return Database(engine).run(work, idempotent=idempotent)  # type: ignore[arg-type]


@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("failure", [GONE, READ_ONLY, DEADLOCK])
def test_what_was_lost_before_its_commit_is_tried_once_more(
    failure: pymysql.MySQLError, idempotent: bool
) -> None:
    work = Work(failure, None)
    assert run(Engine(Connection(None), Connection(None)), work, idempotent=idempotent) == "done"
    assert work.begun == 2


def test_a_commit_whose_outcome_is_unknown_is_never_tried_again_blindly() -> None:
    work = Work(None, None)
    with pytest.raises(OutcomeUnknownError):
        run(Engine(Connection(GONE), Connection(None)), work, idempotent=False)
    assert work.begun == 1


def test_a_commit_whose_outcome_is_unknown_is_tried_again_if_the_work_finds_out_itself() -> None:
    work = Work(None, None)
    assert run(Engine(Connection(GONE), Connection(None)), work, idempotent=True) == "done"
    assert work.begun == 2


def test_after_an_unknown_commit_nobody_claims_that_nothing_was_written() -> None:
    with pytest.raises(OutcomeUnknownError):
        run(Engine(Connection(GONE), NO_HOST), Work(None), idempotent=True)


@pytest.mark.parametrize("failure", [CONFLICT, READ_ONLY, DEADLOCK])
def test_a_commit_that_the_server_refused_is_known_to_have_left_nothing(failure: pymysql.MySQLError) -> None:
    work = Work(None, None)
    assert run(Engine(Connection(failure), Connection(None)), work, idempotent=False) == "done"


def test_a_database_that_stays_away_is_said_to_be_away() -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"nothing was written.*Can't connect"):
        run(Engine(NO_HOST, NO_HOST), Work(), idempotent=False)


def test_a_database_that_stays_read_only_is_said_to_be_read_only_and_its_connections_go() -> None:
    engine = Engine(Connection(None), Connection(None))
    with pytest.raises(DatabaseReadOnlyError):
        run(engine, Work(READ_ONLY, READ_ONLY), idempotent=True)
    assert all(connection.invalidated for connection in engine.given)


def test_a_connection_that_works_is_kept_after_a_deadlock() -> None:
    engine = Engine(Connection(None), Connection(None))
    run(engine, Work(DEADLOCK, None), idempotent=False)
    assert not any(connection.invalidated for connection in engine.given)


def test_what_is_wrong_with_the_data_is_not_tried_again() -> None:
    work = Work(DUPLICATE, None)
    with pytest.raises(exc.IntegrityError):
        run(Engine(Connection(None), Connection(None)), work, idempotent=True)
    assert work.begun == 1
