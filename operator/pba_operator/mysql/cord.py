"""What holds a job of statements in its thread: cut the cord, and it ends before its next connection or statement.

A thread cannot be cancelled. Whoever waited for it may have lost the Lease meanwhile, or ask anew: two jobs for one
server must not mix, and who may not write any more sends nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pymysql.cursors import Cursor

from pba_operator.mysql.session import Connect, Connected


class AbandonedError(Exception):
    """Nobody waits for the answer any more."""


class Cord:
    """Makes connections that ask, before each statement, whether the job goes on."""

    def __init__(self, connect: Connect, may_write: Callable[[], None]) -> None:
        """Begin uncut.

        Args:
            connect: Makes a connection, as `pymysql.connect`.
            may_write: Raises if nothing may be written any more.
        """
        self._connect = connect
        self._may_write = may_write
        self._is_cut = threading.Event()

    def cut(self) -> None:
        """Have the job end; a statement that was sent is seen through by MySQL."""
        self._is_cut.set()

    def check(self) -> None:
        """Make sure that the job goes on.

        Raises:
            AbandonedError: the cord is cut.
            Exception: whatever `may_write` raises.
        """
        if self._is_cut.is_set():
            raise AbandonedError
        self._may_write()

    def connect(self, **options: Any) -> Connected:
        """Make a connection, as `pymysql.connect`.

        Raises:
            AbandonedError: the cord is cut.
        """
        self.check()
        return _Held(self._connect(**options), self)


class _Held:
    """A connection that gives no cursor once its cord is cut."""

    def __init__(self, connection: Connected, cord: Cord) -> None:
        self._connection = connection
        self._cord = cord

    @property
    def open(self) -> bool:
        return self._connection.open

    def cursor(self) -> Cursor:
        self._cord.check()
        return self._connection.cursor()

    def close(self) -> None:
        self._connection.close()
