"""Connections and transactions, and what is done when the database goes away in the middle of one.

MySQL rolls back what was not committed when a connection ends. So a transaction that was lost before its commit
left nothing behind and may be tried again on a new connection; one that was lost during its commit may or may not
have happened, and is tried again only if the work itself finds out (an idempotency key does). Each is tried again
once: whoever calls waits for an answer.
"""

from __future__ import annotations

import ssl
import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pymysql
import sqlalchemy
from sqlalchemy import exc

from pba_demoapp.errors import (
    DatabaseError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

    from pba_demoapp.settings import Settings

Result = TypeVar("Result")

CONNECT_SECONDS: Final = 3
STATEMENT_SECONDS: Final = 10
PROBE_SECONDS: Final = 2
_POOL_SECONDS: Final = 5
_RECYCLE_SECONDS: Final = 300

_READ_ONLY: Final = {1290, 1792, 1836}
"""ER_OPTION_PREVENTS_STATEMENT (super_read_only), ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE."""
_ROLLED_BACK: Final = {1205, 1213, 3100, 3101}
"""Lock wait timeout, deadlock, a replication hook refused the commit, a conflict in the group: the server undid it."""
_LOST: Final = {0, 1053, 1077, 1158, 1159, 1160, 1161, 1317, 1927, 2002, 2003, 2006, 2013, 2055, 3168, 4031}
"""The connection or the server is going or gone."""
_REFUSED: Final = {1040, 1044, 1045, 1049, 1129, 1130, 1203, 3118, 3159}
"""The server is there and does not let us in: too many connections, an account or schema that is not there (yet)."""


class _TriedError(Exception):
    """One attempt failed; says how, for the decision on another one."""

    def __init__(self, error: DatabaseError, *, may_have_happened: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.may_have_happened = may_have_happened


@dataclass(frozen=True)
class Database:
    """The application's database."""

    engine: Engine

    def run(self, work: Callable[[Connection], Result], *, idempotent: bool = False) -> Result:
        """Return what `work` returns, run in one transaction that is then committed.

        Args:
            work: does everything by its connection, and may be called twice.
            idempotent: `work` finds out by itself whether it was committed before, and does nothing then.

        Raises:
            DatabaseUnavailableError: the database is away; nothing was written.
            DatabaseReadOnlyError: it takes no writes; nothing was written.
            OutcomeUnknownError: it went away during the commit, and nobody could be asked whether it happened.
        """
        doubtful = False
        for last in (False, True):
            try:
                return self._attempt(work)
            except _TriedError as tried:
                doubtful = doubtful or tried.may_have_happened
                if doubtful and (last or not idempotent):
                    raise OutcomeUnknownError from tried
                if last:
                    raise tried.error from tried
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, work: Callable[[Connection], Result]) -> Result:
        try:
            connection = self.engine.connect()
        except (exc.DBAPIError, exc.TimeoutError) as error:
            raise _TriedError(DatabaseUnavailableError(_reason(error)), may_have_happened=False) from error
        with closing(connection):
            try:
                result = work(connection)
            except exc.DBAPIError as error:
                raise _judged(connection, error, committing=False) from error
            try:
                connection.commit()
            except exc.DBAPIError as error:
                raise _judged(connection, error, committing=True) from error
        return result


def _judged(connection: Connection, error: exc.DBAPIError, *, committing: bool) -> Exception:
    """Return what to raise for `error`, and throw the connection away if it is of no use any more."""
    code = error_code(error)
    if code in _READ_ONLY:
        # A connection to the primary of yesterday stays open, and fails at every write: the pool must not keep it.
        connection.invalidate()
        return _TriedError(DatabaseReadOnlyError(), may_have_happened=False)
    if code in _ROLLED_BACK:
        return _TriedError(DatabaseUnavailableError(_reason(error)), may_have_happened=False)
    if error.connection_invalidated or code in _LOST:
        connection.invalidate()
        return _TriedError(DatabaseUnavailableError(_reason(error)), may_have_happened=committing)
    if code in _REFUSED:
        return _TriedError(DatabaseUnavailableError(_reason(error)), may_have_happened=False)
    return error


def error_code(error: exc.DBAPIError) -> int | None:
    """Return MySQL's number of the error, or None if it has none."""
    arguments = error.orig.args if error.orig is not None else ()
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def connect(settings: Settings, read_seconds: int = STATEMENT_SECONDS) -> pymysql.Connection[Any]:
    """Open one connection; with a CA file, certificate and host name are verified against it."""
    return pymysql.connect(
        host=settings.db_host,
        port=settings.db_port,
        user=settings.db_user,
        password=settings.db_password,
        database=settings.db_name,
        charset="utf8mb4",
        # Read anew for each connection: a CA that was replaced counts at once.
        ssl=ssl.create_default_context(cafile=settings.db_ca) if settings.db_ca else None,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        write_timeout=read_seconds,
    )


def open_database(settings: Settings) -> Database:
    """Return the database with a pool of connections, one for each thread; nothing is connected yet."""
    return Database(
        sqlalchemy.create_engine(
            "mysql+pymysql://",
            creator=lambda: connect(settings),
            pool_size=settings.threads,
            max_overflow=0,
            pool_timeout=_POOL_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            pool_pre_ping=True,
            pool_use_lifo=True,
            # The second of two equal orders must see the first one as soon as that is committed.
            isolation_level="READ COMMITTED",
        )
    )


def _reason(error: Exception) -> str:
    if isinstance(error, exc.DBAPIError) and error.orig is not None:
        return str(error.orig.args[-1]) if error.orig.args else type(error.orig).__name__
    return "all connections are in use"


class Probe:
    """Asks the database whether it answers, on a connection of its own: a busy pool must not look like an outage."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._connection: pymysql.Connection[Any] | None = None

    def obstacle(self) -> str | None:
        """Return why the database does not answer, or None if it does; takes a few seconds at most."""
        with self._lock:
            kept = self._connection is not None
            reason = self._ask()
            # A kept connection may have died long ago: only a new one tells.
            return self._ask() if reason is not None and kept else reason

    def _ask(self) -> str | None:
        try:
            if self._connection is None:
                self._connection = connect(self._settings, PROBE_SECONDS)
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except (pymysql.MySQLError, OSError) as error:
            self._connection = None
            return str(error.args[-1]) if error.args else type(error).__name__
        return None
