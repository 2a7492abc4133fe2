"""One connection to a MySQL server: always encrypted, the server's name checked, every wait limited.

What must stay true: nothing is sent to a server that cannot prove, by a certificate of the cluster's own
authority, that it is the one we mean; no call waits longer than its limit, not even for a frozen server (whose
kernel still accepts connections); names and values reach SQL only quoted (`identifier`) or bound.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pymysql
from pymysql.cursors import Cursor

from pba_operator.mysql.errors import Refused, translated


class Connected(Protocol):
    """What a `Session` needs of a connection of PyMySQL's."""

    @property
    def open(self) -> bool:
        """Whether it can still be used."""

    def cursor(self) -> Cursor:
        """Return a cursor, for one statement."""

    def close(self) -> None:
        """Say goodbye, and close."""


Connect = Callable[..., Connected]


@dataclass(frozen=True)
class Login:
    """An account and its password."""

    user: str
    password: str


@dataclass(frozen=True)
class Server:
    """A MySQL server, and how long to wait for it (seconds, for each step of a conversation)."""

    host: str
    port: int
    authority: str
    """The certificate (PEM) of the authority that signs the server's."""
    connect_seconds: float
    answer_seconds: float


class Session:
    """An open connection; statements are committed one by one."""

    def __init__(self, connection: Connected) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: str) -> Sequence[Sequence[Any]]:
        """Return the rows that a query answers with.

        Args:
            statement: SQL with `%s` for each value, and `%%` for a percent sign.
            values: Strings to be bound.

        Raises:
            DatabaseError: MySQL did not answer, or refused.
        """
        with self._done(statement, values) as cursor:
            return tuple(cursor.fetchall())

    def execute(self, statement: str, *values: str) -> None:
        """Carry out a statement that answers with no rows.

        Args:
            statement: as in `rows`.
            values: as in `rows`.

        Raises:
            DatabaseError: MySQL did not answer, or refused.
        """
        with self._done(statement, values):
            pass

    @contextmanager
    def _done(self, statement: str, values: Sequence[str]) -> Iterator[Cursor]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values)
                yield cursor
        except pymysql.MySQLError as error:
            raise translated(error) from error


def identifier(name: str) -> str:
    """Return `name` quoted as an identifier (a schema, table or column) for a statement of a `Session`."""
    quoted = name.replace("`", "``").replace("%", "%%")
    return f"`{quoted}`"


@contextmanager
def session(
    server: Server, login: Login, *, schema: str | None = None, connect: Connect = pymysql.connect
) -> Iterator[Session]:
    """Open a session.

    Args:
        server: Where.
        login: As whom.
        schema: The default schema; None: none.
        connect: Makes the connection, as `pymysql.connect`.

    Raises:
        DatabaseError: MySQL did not answer, or refused.
    """
    try:
        connection = connect(
            host=server.host,
            port=server.port,
            user=login.user,
            password=login.password.encode(),
            database=schema,
            ssl=_tls(server.authority),
            connect_timeout=server.connect_seconds,
            read_timeout=server.answer_seconds,
            write_timeout=server.answer_seconds,
            charset="utf8mb4",
            sql_mode="",
            autocommit=True,
        )
    except pymysql.MySQLError as error:
        raise translated(error) from error
    try:
        yield Session(connection)
    finally:
        _close(connection)


def _close(connection: Connected) -> None:
    """Close, whether or not the server still listens: what was asked has been answered by now."""
    if connection.open:
        connection.close()


def _tls(authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise Refused(f"the authority's certificate (ca.crt) is none: {error}") from error
    return context
