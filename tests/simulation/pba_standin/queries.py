"""Statements that only ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pymysql.constants import ER, FIELD_TYPE

from pba_standin.database import Account
from pba_standin.errors import SqlError, UnknownHere
from pba_standin.execution import execute
from pba_standin.privileges import OF_SCHEMAS, OF_SERVER
from pba_standin.session import Session
from pba_standin.statements import (
    Comparison,
    SelectConstant,
    SelectRows,
    SelectVariable,
    SelectVersion,
    ShowColumns,
)
from pba_standin.wire import Column, Rows

Row = Mapping[str, str]
_IGNORES_CASE: Final = frozenset({"host"})
"""Columns in which letters of both cases are the same."""


@execute.register
def _constant(statement: SelectConstant, _session: Session) -> Rows:
    return Rows([Column(statement.value, FIELD_TYPE.LONGLONG)], [[statement.value]])


@execute.register
def _version(_statement: SelectVersion, session: Session) -> Rows:
    return Rows([Column("VERSION()")], [[session.version]])


@execute.register
def _variable(statement: SelectVariable, session: Session) -> Rows:
    if statement.name == "gtid_executed":
        return Rows([Column(statement.shown)], [[session.database.gtids]])
    value = session.variables.values.get(statement.name)
    if value is None:
        raise UnknownHere(statement.shown)
    return Rows([Column(statement.shown, FIELD_TYPE.LONGLONG)], [[value]])


@execute.register
def _rows(statement: SelectRows, session: Session) -> Rows:
    content = _content(statement.table, session)
    asked = [column for column in statement.columns if not column.isdecimal()]
    _must_know((*asked, *(comparison.column for comparison in statement.where)), statement.table)
    found = [row for row in content if all(_holds(comparison, row) for comparison in statement.where)]
    columns = [_column(name, statement.table) for name in statement.columns]
    return Rows(
        columns,
        [[name if name.isdecimal() else row[name.lower()] for name in statement.columns] for row in found],
    )


def _column(name: str, table: str) -> Column:
    if name.isdecimal():
        return Column(name, FIELD_TYPE.LONGLONG)
    # What is a view in MySQL 8 has columns by their own names, whatever they are called in a statement.
    is_view = table.startswith("information_schema.")
    return Column(name.upper()) if is_view else Column(name, FIELD_TYPE.STRING)


@execute.register
def _columns(statement: ShowColumns, session: Session) -> Rows:
    if (statement.table, statement.pattern) != ("mysql.db", "%\\_priv"):
        raise UnknownHere(str(statement))
    _may_read("mysql.db", session)
    rows = [[column, "enum('N','Y')", "NO", "", "N", ""] for column in OF_SCHEMAS.values()]
    return Rows(_OF_COLUMNS, rows)


_OF_COLUMNS: Final = (
    Column("Field"),
    Column("Type", FIELD_TYPE.BLOB),
    Column("Null"),
    Column("Key", FIELD_TYPE.STRING),
    Column("Default", FIELD_TYPE.BLOB),
    Column("Extra"),
)
_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "information_schema.schemata": ("schema_name",),
    "mysql.user": ("user", "host", "account_locked", "password_expired", *OF_SERVER.values()),
    "mysql.db": ("user", "host", "db", *OF_SCHEMAS.values()),
}


def _must_know(columns: Sequence[str], table: str) -> None:
    known = {column.lower() for column in _TABLES[table]}
    unknown = [column for column in columns if column.lower() not in known]
    if unknown:
        raise UnknownHere(f"{unknown} in {table}")


def _content(table: str, session: Session) -> list[Row]:
    """Return what a session may see of a table.

    Raises:
        SqlError: it may not, or the table is not known.
    """
    if table not in _TABLES:
        raise UnknownHere(table)
    if table == "information_schema.schemata":
        return [{"schema_name": name} for name in sorted(session.database.schemas) if session.can_see(name)]
    _may_read(table, session)
    accounts = sorted(
        session.database.accounts.values(), key=lambda found: (found.name.host, found.name.user)
    )
    if table == "mysql.user":
        return [_user(account) for account in accounts]
    return [
        {
            "user": account.name.user,
            "host": account.name.host,
            "db": pattern,
            **_flags(OF_SCHEMAS, held),
        }
        for account in accounts
        for pattern, held in sorted(account.on_schemas.items())
    ]


def _user(account: Account) -> Row:
    return {
        "user": account.name.user,
        "host": account.name.host,
        "account_locked": _flag(account.is_locked),
        "password_expired": _flag(account.is_expired),
        **_flags(OF_SERVER, account.on_server),
    }


def _flags(known: Mapping[str, str], held: set[str]) -> dict[str, str]:
    return {column.lower(): _flag(privilege in held) for privilege, column in known.items()}


def _flag(yes: bool) -> str:
    return "Y" if yes else "N"


def _may_read(table: str, session: Session) -> None:
    schema, _, name = table.partition(".")
    if session.may("SELECT", schema):
        return
    user = session.account.name.user if session.account is not None else ""
    raise SqlError(
        ER.TABLEACCESS_DENIED_ERROR,
        f"SELECT command denied to user '{user}'@'{session.address}' for table '{name}'",
    )


def _holds(comparison: Comparison, row: Row) -> bool:
    column = comparison.column.lower()
    left, right = row[column], comparison.value
    if column in _IGNORES_CASE:
        left, right = left.lower(), right.lower()
    return (left == right) is comparison.is_equal
