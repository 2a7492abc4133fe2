"""Bug class: crash between two writes, of SQL. The operator is ended after each of its statements, and begun again.

The stand-in is the server: what was carried out stays, and the connection of the one that ended is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_standin.contract.pretended import PretendedMember
from pba_standin.contract.question import Question
from pba_standin.database import Account, Database
from pba_standin.passwords import password
from pba_standin.statements import Name

from pba_operator.domain.model import AccountState

APP = Name("the.app", "%")
SCHEMA = "my_app-1"
PATTERN = r"my\_app-1"


class Ended(BaseException):
    """The operator's process was ended."""


class Life:
    """A connector that ends the operator when so many statements of its were carried out, in all its connections."""

    def __init__(self, subject: PretendedMember, last: int | None) -> None:
        self._subject = subject
        self._last = last
        self.statements: list[str] = []

    def connect(self, **options: Any) -> Any:
        connection: Any = self._subject.connect(**options)
        query = connection.query

        def counted(sql: str, *rest: Any, **more: Any) -> Any:
            answer = query(sql, *rest, **more)
            self.statements.append(sql)
            if len(self.statements) == self._last:
                connection._force_close()
                raise Ended
            return answer

        connection.query = counted
        return connection


def _nothing(_database: Database) -> None:
    """Begin with an empty server."""


def _another_password(database: Database) -> None:
    _made(database).password = password("set by hand")


def _locked_and_expired(database: Database) -> None:
    account = _made(database)
    account.is_locked = account.is_expired = True


def _without_rights(database: Database) -> None:
    _made(database).on_schemas.clear()


def _without_schema(database: Database) -> None:
    _made(database)
    database.schemas.discard(SCHEMA)


def _made(database: Database) -> Account:
    """Return the account that an earlier operator has made."""
    return database.accounts[APP]


BEGINNINGS: dict[str, Callable[[Database], None]] = {
    "nothing is there": _nothing,
    "another password": _another_password,
    "locked, and expired": _locked_and_expired,
    "without rights": _without_rights,
    "without its schema": _without_schema,
}


def _begin(subject: PretendedMember, name: str) -> Database:
    """Bring the server to a beginning; return its content."""
    subject.volume = f"{name}/{subject.restarts}"
    subject.begin()
    database = subject.stand_in.server(subject.host).database
    if BEGINNINGS[name] is not _nothing:
        assert Question(subject).ask().state is AccountState.READY
        BEGINNINGS[name](database)
    return database


def _state(database: Database, wanted: str) -> tuple[object, ...]:
    """Return all that there is, of the application's account whether its password is as wanted."""
    account = database.accounts.get(APP)
    accounts = {
        str(found.name): (
            found.is_locked,
            found.is_expired,
            sorted(found.on_server),
            {pattern: sorted(held) for pattern, held in found.on_schemas.items()},
        )
        for found in database.accounts.values()
    }
    fits = account is not None and account.password.fits(wanted.encode())
    return sorted(database.schemas), accounts, fits, database.transactions


def _run(subject: PretendedMember, last: int | None) -> Life:
    """Have an operator ask, and end it after `last` statements."""
    question, life = Question(subject), Life(subject, last)
    question.connect = life.connect
    if last is None:
        assert question.ask().state is AccountState.READY
    else:
        with pytest.raises(Ended):
            question.ask()
    return life


@pytest.mark.parametrize("name", BEGINNINGS)
def test_intermediate_state_ended_after_each_statement_the_end_is_the_same(
    subject: PretendedMember, name: str
) -> None:
    password_wanted = Question(subject).password
    database = _begin(subject, name)
    statements = _run(subject, None).statements
    expected = _state(database, password_wanted)
    assert PATTERN in database.accounts[APP].on_schemas
    assert any(sql.startswith(("CREATE", "ALTER", "GRANT")) for sql in statements)
    for last in range(1, len(statements) + 1):
        database = _begin(subject, name)
        assert len(_run(subject, last).statements) == last
        _run(subject, None)
        assert _state(database, password_wanted) == expected, (
            f"ended after {statements[last - 1].split(' BY ')[0]}"
        )
