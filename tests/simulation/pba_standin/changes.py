"""Statements that change something: variables, schemas, accounts, grants."""

from __future__ import annotations

from typing import Final

from pymysql.constants import ER

from pba_standin import privileges
from pba_standin.database import SYSTEM_SCHEMAS, Account
from pba_standin.errors import SqlError, UnknownHere
from pba_standin.execution import execute
from pba_standin.session import Session, switched
from pba_standin.statements import (
    AlterUser,
    CreateSchema,
    CreateUser,
    DropSchema,
    DropUsers,
    Grant,
    Name,
    Revoke,
    RevokeAll,
    SetNames,
    SetVariable,
)
from pba_standin.wire import Done

_CANNOT_USER: Final = 1396
_TOO_LONG: Final = 1470
_MISSING: Final = "User account does not exist"
_USER_LENGTH: Final = 32
_SCHEMA_LENGTH: Final = 64
_HOSTS: Final = frozenset({"%", "localhost", "127.0.0.1"})
"""Where an account may be from: other patterns are not compared here."""


@execute.register
def _names(statement: SetNames, _session: Session) -> Done:
    if statement.charset != "utf8mb4":
        raise UnknownHere(f"SET NAMES {statement.charset}")
    return Done()


@execute.register
def _variable(statement: SetVariable, session: Session) -> Done:
    if statement.is_global:
        session.require("SUPER", "SUPER or SYSTEM_VARIABLES_ADMIN")
        session.variables.change(statement.name, statement.value)
    elif statement.name == "sql_log_bin" and session.is_server:
        session.writes_log = switched(statement.value) == "1"
    elif (statement.name, statement.value) not in {("sql_mode", ""), ("autocommit", "1")}:
        raise UnknownHere(f"SET {statement.name} = {statement.value}")
    return Done()


@execute.register
def _create_schema(statement: CreateSchema, session: Session) -> Done:
    name = statement.name
    _check_schema(name)
    session.begin_change()
    session.require_on("CREATE", name)
    is_there = name in session.database.schemas
    if is_there and not statement.unless_there:
        raise SqlError(ER.DB_CREATE_EXISTS, f"Can't create database '{name}'; database exists")
    session.database.schemas.add(name)
    session.end_change()
    return Done(affected=1, warnings=int(is_there))


@execute.register
def _drop_schema(statement: DropSchema, session: Session) -> Done:
    name = statement.name
    session.begin_change()
    session.require_on("DROP", name)
    if name in SYSTEM_SCHEMAS:
        raise UnknownHere(f"DROP DATABASE {name}")
    is_there = name in session.database.schemas
    if not is_there and not statement.if_there:
        raise SqlError(ER.DB_DROP_EXISTS, f"Can't drop database '{name}'; database doesn't exist")
    session.database.schemas.discard(name)
    session.end_change()
    return Done(warnings=int(not is_there))


def _check_schema(name: str) -> None:
    if len(name) > _SCHEMA_LENGTH:
        raise SqlError(ER.TOO_LONG_IDENT, f"Identifier name '{name}' is too long", "42000")
    if not name or name.endswith(" "):
        raise SqlError(ER.WRONG_DB_NAME, f"Incorrect database name '{name}'", "42000")


@execute.register
def _create_user(statement: CreateUser, session: Session) -> Done:
    session.require("CREATE USER")
    session.begin_change()
    _check_account(statement.name)
    is_there = statement.name in session.database.accounts
    if is_there and not statement.unless_there:
        raise _cannot("CREATE USER", "User account already exists", statement.name)
    if not is_there:
        account = Account(statement.name)
        account.set(statement.settings)
        session.database.accounts[statement.name] = account
    session.end_change()
    return Done(warnings=int(is_there))


@execute.register
def _alter_user(statement: AlterUser, session: Session) -> Done:
    session.require("CREATE USER")
    session.begin_change()
    account = session.database.accounts.get(statement.name)
    if account is None and not statement.if_there:
        raise _cannot("ALTER USER", _MISSING, statement.name)
    if account is not None:
        account.set(statement.settings)
    session.end_change()
    return Done(warnings=int(account is None))


@execute.register
def _drop_users(statement: DropUsers, session: Session) -> Done:
    session.require("CREATE USER")
    session.begin_change()
    accounts = session.database.accounts
    missing = [name for name in statement.names if name not in accounts]
    if missing and not statement.if_there:
        raise _cannot("DROP USER", _MISSING, *missing)
    for name in statement.names:
        accounts.pop(name, None)
    session.end_change()
    return Done(warnings=len(missing))


def _check_account(name: Name) -> None:
    if len(name.user) > _USER_LENGTH:
        raise SqlError(
            _TOO_LONG,
            f"String '{name.user}' is too long for user name (should be no longer than {_USER_LENGTH})",
        )
    if not name.user or name.host not in _HOSTS:
        raise UnknownHere(f"an account {name}")


def _cannot(what: str, why: str, *names: Name) -> SqlError:
    whom = ",".join(f"{name} ({why})" for name in names)
    return SqlError(_CANNOT_USER, f"Operation {what} failed for {whom}")


@execute.register
def _grant(statement: Grant, session: Session) -> Done:
    _check_right_to_grant(session, statement.level)
    session.begin_change()
    account = session.database.accounts.get(statement.name)
    if account is None:
        raise SqlError(
            ER.CANT_CREATE_USER_WITH_GRANT, "You are not allowed to create a user with GRANT", "42000"
        )
    named = _named(statement.privileges, statement.level)
    _held(account, statement.level).update(named)
    if statement.with_grant_option:
        _held(account, statement.level).add("GRANT OPTION")
    session.end_change()
    return Done()


@execute.register
def _revoke(statement: Revoke, session: Session) -> Done:
    _check_right_to_grant(session, statement.level)
    session.begin_change()
    account = session.database.accounts.get(statement.name)
    if account is None or (statement.level and statement.level not in account.on_schemas):
        user, host = statement.name.user, statement.name.host
        raise SqlError(
            ER.NONEXISTING_GRANT, f"There is no such grant defined for user '{user}' on host '{host}'"
        )
    named = _named(statement.privileges, statement.level)
    held = _held(account, statement.level)
    held.difference_update(named)
    if statement.level and not held:
        del account.on_schemas[statement.level]
    session.end_change()
    return Done()


@execute.register
def _revoke_all(statement: RevokeAll, session: Session) -> Done:
    session.require("CREATE USER")
    session.begin_change()
    account = session.database.accounts.get(statement.name)
    if account is None:
        raise SqlError(ER.REVOKE_GRANTS, "Can't revoke all privileges for one or more of the requested users")
    account.on_server.clear()
    account.on_schemas.clear()
    session.end_change()
    return Done()


def _named(names: tuple[str, ...], level: str) -> frozenset[str]:
    found = privileges.named(names, privileges.OF_SCHEMAS if level else privileges.OF_SERVER)
    if found is None:
        raise UnknownHere(f"the privileges {names}")
    return found


def _held(account: Account, level: str) -> set[str]:
    return account.on_schemas.setdefault(level, set()) if level else account.on_server


def _check_right_to_grant(session: Session, level: str) -> None:
    """Make sure that a session may grant; that it has itself what it grants is not looked at here."""
    if session.may("GRANT OPTION"):
        return
    if session.account is not None and any(
        "GRANT OPTION" in held for held in session.account.on_schemas.values()
    ):
        raise UnknownHere("a grant by who may grant on some schemas only")
    if level:
        raise session.no_access_to(level)
    raise SqlError(ER.ACCESS_DENIED_ERROR, f"Access denied for user {session.who} (using password: YES)")
