"""What becomes of a server: it is full, frozen or gone; the operator's code tells it, and finds it well again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest
from pymysql.connections import Connection

from pba_hack.waiting import wait_for
from pba_operator.domain.model import AccountState
from pba_operator.mysql.errors import Unreachable, translated
from pba_standin.contract.question import Question
from pba_standin.contract.subject import Subject


def _ask(connection: Connection[Any], statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _let_in(subject: Subject, user: str, password: str) -> Connection[Any] | None:
    """Return a connection; None while those that are just ending are still counted."""
    with contextlib.suppress(pymysql.OperationalError):
        return subject.log_in(user, password)
    return None


class FailuresContract:
    """What the operator's code makes of a server in trouble."""

    @pytest.fixture
    def question(self, subject: Subject) -> Iterator[Question]:
        made = Question(subject)
        assert made.ask().state is AccountState.READY
        yield made
        made.clean_up()

    def test_a_server_without_a_connection_left_is_told(self, question: Question) -> None:
        subject = question.subject
        subject.sql("SET GLOBAL max_connections = 1")
        with contextlib.ExitStack() as stack:
            first = wait_for("the first", lambda: _let_in(subject, *subject.admin), 30)
            stack.callback(first.close)
            stack.callback(_ask, first, "SET GLOBAL max_connections = 151")
            with pytest.raises(pymysql.OperationalError) as usual:
                question.log_in()
            assert usual.value.args == (1040, "Too many connections")
            second = wait_for("the second, for administrators", lambda: _let_in(subject, *subject.admin), 30)
            stack.callback(second.close)
            answer = question.ask()
        assert answer.state is AccountState.UNREACHABLE
        assert "max_connections" in answer.detail
        assert wait_for("room", lambda: question.ask().state is AccountState.READY, 30)

    def test_a_connection_to_a_server_that_freezes_ends_at_its_limit(self, question: Question) -> None:
        with question.subject.log_in(*question.subject.admin, read_timeout=1) as connection:
            _ask(connection, "SELECT 1")
            question.subject.freeze()
            try:
                with pytest.raises(pymysql.OperationalError) as lost:
                    _ask(connection, "SELECT 1")
            finally:
                question.subject.thaw()
        assert lost.value.args[0] == 2013
        assert question.ask().state is AccountState.READY

    @pytest.mark.parametrize("key", ["tls.crt", "tls.key"])
    def test_a_server_with_a_broken_certificate_offers_no_tls_and_is_told(
        self, question: Question, key: str
    ) -> None:
        subject = question.subject
        subject.end()
        subject.spoiled = key
        subject.begin()
        try:
            answer = question.ask()
        finally:
            subject.end()
            subject.spoiled = ""
            subject.begin()
        assert answer.state is AccountState.UNREACHABLE
        assert "it does not offer TLS" in answer.detail
        assert question.ask().state is AccountState.READY

    def test_a_server_that_ends_is_told_and_found_as_it_was(self, question: Question) -> None:
        connection = question.log_in()
        before = question.writes
        question.subject.end()
        with pytest.raises(pymysql.OperationalError) as lost:
            _ask(connection, "SELECT 1")
        assert isinstance(translated(lost.value), Unreachable)
        answer = question.ask()
        assert answer.state is AccountState.UNREACHABLE
        assert "no connection" in answer.detail
        question.subject.begin()
        assert question.ask().state is AccountState.READY
        assert question.writes == before
