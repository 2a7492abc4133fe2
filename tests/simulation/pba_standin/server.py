"""A running mysqld: made from the files of its pod and the content of its volume, and failing as a test asks it to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from pba_standin import sql
from pba_standin.database import Database
from pba_standin.errors import SqlError, UnknownHere
from pba_standin.execution import Result
from pba_standin.session import Session, Variables


@dataclass(frozen=True)
class Files:
    """What a pod mounts for mysqld, and what its image is."""

    init_sql: str = field(repr=False)
    """What mysqld is started with as `--init-file`."""
    my_cnf: str
    certificate: str
    key: str = field(repr=False)
    version: str
    volume: str
    """Identifies what outlives the pod: the same one gives the same content of the database."""


class ConnectionLost(Exception):
    """The connection is to end without an answer: a test wants it, or the server has ended."""


@dataclass(frozen=True)
class Interruption:
    """What happens to the next statement in which a text is."""

    text: str
    error: SqlError | None
    """What it is answered with; None: the connection is lost."""
    is_done: bool
    """Whether it takes effect all the same."""


class Server:
    """One mysqld, from its start to its end."""

    def __init__(self, database: Database, files: Files) -> None:
        self.database = database
        self.files = files
        self.variables = Variables.of_file(files.my_cnf)
        self.unknown: list[UnknownHere] = []
        """What it was asked and does not know: a test fails if there is any."""
        self.interruptions: list[Interruption] = []
        self._runs = threading.Event()
        self._runs.set()
        self._has_ended = False
        self._lock = threading.RLock()
        self.connections = 0
        """How many are open."""
        self.held = 0
        """How many of them wait while it is frozen."""
        for account in database.accounts.values():
            account.password.is_cached = False
        sql.run_init_file(files.init_sql, self._session(is_server=True))

    def _session(self, *, is_server: bool = False, address: str = "") -> Session:
        return Session(
            self.database, self.variables, self.files.version, address=address, is_server=is_server
        )

    @contextlib.contextmanager
    def session(self, address: str) -> Iterator[Session]:
        """Count a connection as open while the block lasts; nobody has logged in yet."""
        with self._lock:
            self.connections += 1
        try:
            yield self._session(address=address)
        finally:
            with self._lock:
                self.connections -= 1

    def has_room(self, session: Session) -> bool:
        """Tell whether a connection is let in: one more than `max_connections`, for administrators.

        Args:
            session: of a client who has logged in, or may still turn out to be an administrator.
        """
        is_usual = session.account is not None and not session.may("SUPER")
        return self.connections <= int(self.variables.values["max_connections"]) + (0 if is_usual else 1)

    def carry_out(self, statement: str, session: Session) -> Result:
        """Carry out a statement, unless it is interrupted.

        Raises:
            SqlError: MySQL would refuse it, it is not known here, or a test wants this error.
            ConnectionLost: a test wants this.
        """
        with self._lock:
            interruption = next((found for found in self.interruptions if found.text in statement), None)
            if interruption is None:
                return sql.carry_out(statement, session)
            self.interruptions.remove(interruption)
            if interruption.is_done:
                sql.carry_out(statement, session)
        raise interruption.error or ConnectionLost

    def freeze(self) -> None:
        """Answer nobody any more; the kernel still takes connections."""
        self._runs.clear()

    def thaw(self) -> None:
        """Go on."""
        self._runs.set()

    def end(self) -> None:
        """Do nothing any more, even if it was frozen until now."""
        self._has_ended = True
        self._runs.set()

    def wait_while_frozen(self) -> None:
        """Return when it does anything at all.

        Raises:
            ConnectionLost: it has ended.
        """
        with self._lock:
            self.held += 1
        self._runs.wait()
        with self._lock:
            self.held -= 1
        if self._has_ended:
            raise ConnectionLost
