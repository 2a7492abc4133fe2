"""Failures that a test asks for, in the midst of a statement; and the way to the stand-in from another process."""

from __future__ import annotations

import pytest
from pba_standin.connecting import connector
from pba_standin.contract.pretended import PretendedMember
from pba_standin.contract.question import Question
from pba_standin.errors import SqlError
from pba_standin.names import asking
from pba_standin.server import Interruption

from pba_operator.domain.model import AccountState

SHUTDOWN = SqlError(1053, "Server shutdown in progress")


@pytest.mark.parametrize("statement", ["SELECT VERSION()", "CREATE DATABASE", "CREATE USER", "GRANT ALL"])
@pytest.mark.parametrize("error", [None, SHUTDOWN], ids=["lost", "1053"])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_statement_that_is_interrupted_is_told_and_made_up_for(
    subject: PretendedMember, statement: str, error: SqlError | None, *, is_done: bool
) -> None:
    question = Question(subject)
    server = subject.stand_in.server(subject.host)
    server.interruptions.append(Interruption(statement, error, is_done))
    transactions = server.database.transactions
    answer = question.ask()
    assert answer.state is AccountState.UNREACHABLE
    assert ("shutting down" if error else "the connection was lost") in answer.detail
    assert server.interruptions == []
    assert question.ask().state is AccountState.READY
    assert server.database.transactions == transactions + 3, "each of the three changes was made once"
    question.log_in().close()


def test_a_refused_login_leaves_nobody_in(subject: PretendedMember) -> None:
    assert Question(subject).ask(user="the.app").state is AccountState.READY
    wrong = Question(subject)
    secret = wrong.secrets[wrong.wanted.admin_ref]
    wrong.secrets[wrong.wanted.admin_ref] = {"data": {**secret["data"], "password": "d3Jvbmc="}}
    assert wrong.ask(schema="other").state is AccountState.REFUSED
    assert subject.sql("SELECT 1 FROM information_schema.schemata WHERE schema_name = 'other'") == []


def test_another_process_finds_its_way_by_the_names(subject: PretendedMember) -> None:
    question = Question(subject)
    question.connect = connector(asking(subject.stand_in.names))
    assert question.ask().state is AccountState.READY
    answer = question.ask(host="shop-mysql-1.shop-mysql.default.svc")
    assert answer.state is AccountState.UNREACHABLE
    assert "Name or service not known" in answer.detail
    subject.is_running = False
    assert "refused" in question.ask().detail


def test_a_stand_in_that_has_ended_is_told() -> None:
    member = PretendedMember()
    question = Question(member)
    question.connect = connector(asking(member.stand_in.names))
    member.stand_in.close()
    answer = question.ask()
    assert answer.state is AccountState.UNREACHABLE
    assert "no connection" in answer.detail
