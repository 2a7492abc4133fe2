"""What is said between PyMySQL and a server, as data that can be compared to the last detail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final
from unittest import mock

import pymysql
from pymysql import err
from pymysql.connections import Connection

Answer = dict[str, Any]
Said = list[tuple[str, str, Answer]]
"""Who, what, and the answer."""
LOGIN: Final = "(login)"


@contextlib.contextmanager
def overheard() -> Iterator[Said]:
    """Listen to all that PyMySQL says until the block ends; yield what was said up to now.

    What it says by itself to begin a connection is heard as its login.
    """
    said: Said = []
    connect, query, fail = Connection.connect, Connection.query, err.raise_mysql_exception

    def connecting(self: Connection[Any], sock: Any = None) -> None:
        who = str(self.user)
        try:
            connect(self, sock)
        except pymysql.MySQLError as error:
            said.append((who, LOGIN, _refusal(error)))
            raise

    def querying(self: Connection[Any], sql: str | bytes, unbuffered: bool = False) -> int:  # noqa: FBT002
        text = sql if isinstance(sql, str) else sql.decode()
        who = self.user.decode() if isinstance(self.user, bytes) else str(self.user)
        try:
            count = query(self, sql, unbuffered)
        except pymysql.MySQLError as error:
            said.append((who, text, _refusal(error)))
            raise
        said.append((who, text, _result(self)))
        return int(count)

    def failing(data: bytes) -> None:
        try:
            fail(data)
        except pymysql.MySQLError as error:
            error.add_note(data[4:9].decode() if data[3:4] == b"#" else "")
            raise

    with (
        mock.patch.object(Connection, "connect", connecting),
        mock.patch.object(Connection, "query", querying),
        mock.patch.object(err, "raise_mysql_exception", failing),
    ):
        yield said


def _refusal(error: pymysql.MySQLError) -> Answer:
    """Return an error; one that is not the server's own has no state, and its text is the client's affair."""
    states = getattr(error, "__notes__", None)
    return {"error": [error.args[0], *states, error.args[1]]} if states else {"error": [error.args[0]]}


def _result(connection: Connection[Any]) -> Answer:
    result = vars(connection)["_result"]
    if result.description is None:
        return {"affected": result.affected_rows, "warnings": result.warning_count}
    columns = [[field.name, field.type_code] for field in result.fields]
    return {"columns": columns, "rows": [list(row) for row in result.rows]}
