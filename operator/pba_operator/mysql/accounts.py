"""The engine's way to ask MySQL for the application's accounts, without ever waiting in its event loop.

What must stay true: the answer always names the question (`asked`), and its `detail` tells the user what to do;
no password is in it. Before each statement it is asked whether we may write, and whether anybody still waits for the
answer: whoever waited may have lost the Lease meanwhile, or ask anew. Work is done in a few threads of its own: PyMySQL
blocks, and a server that hangs holds one of them for its time limits, and nobody else.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import pymysql

from pba_api import ports
from pba_operator.domain import secret_keys
from pba_operator.domain.model import AccountState, ChildId, DatabaseObservation, EnsureAccounts, Manifest
from pba_operator.mysql import application
from pba_operator.mysql.cord import Cord
from pba_operator.mysql.errors import DatabaseError, LoginRefused, Unreachable
from pba_operator.mysql.session import Connect, Login, Server, session

THREADS: Final = 16
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0


class MySQLAccounts:
    """Makes accounts in MySQL as asked (the engine's `Accounts`)."""

    def __init__(
        self,
        *,
        port: int = ports.MYSQL,
        threads: int = THREADS,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        connect: Connect = pymysql.connect,
    ) -> None:
        """Make it; `close` ends its threads.

        Args:
            port: Where MySQL listens.
            threads: How many servers are talked to at a time.
            connect_seconds: How long a connection may take.
            answer_seconds: How long one answer may take.
            connect: Makes a connection, as `pymysql.connect`.
        """
        self._port = port
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._connect = connect
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="mysql")

    async def ensure(
        self, wanted: EnsureAccounts, secrets: Mapping[ChildId, Manifest], may_write: Callable[[], None]
    ) -> DatabaseObservation:
        """Bring schema, account, grants and password to what is wanted, and tell what was found.

        A statement that is under way when this is cancelled is seen through by MySQL; none is sent after it.

        Args:
            wanted: What.
            secrets: The live Secrets that `wanted` refers to.
            may_write: Raises whatever this shall raise if nothing may be written any more; called in a thread.
        """
        try:
            admin, authority = secrets[wanted.admin_ref], secrets[wanted.ca_ref]
            operator = Login(_text(admin, secret_keys.USERNAME), _text(admin, secret_keys.PASSWORD))
            user = Login(wanted.user, _text(secrets[wanted.password_ref[0]], wanted.password_ref[1]))
            server = Server(
                wanted.host,
                self._port,
                _text(authority, secret_keys.CA_CERTIFICATE),
                self._connect_seconds,
                self._answer_seconds,
            )
        except (KeyError, ValueError) as error:
            detail = f"a Secret that it needs lacks something: {error}"
            return DatabaseObservation(AccountState.REFUSED, wanted, detail=detail)
        cord = Cord(self._connect, may_write)
        work = partial(self._ensure, wanted, server, operator, user, cord.connect)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            cord.cut()

    def close(self) -> None:
        """Take no more work; what is being done ends by its time limits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def _ensure(
        wanted: EnsureAccounts, server: Server, operator: Login, user: Login, connect: Connect
    ) -> DatabaseObservation:
        try:
            with session(server, operator, connect=connect) as admin:
                version = str(admin.rows("SELECT VERSION()")[0][0])
                application.ensure(admin, server, wanted.schema, user, connect=connect)
        except LoginRefused as error:
            detail = (
                f'it does not accept the operator\'s account of the Secret "{wanted.admin_ref.name}": it learns it '
                f"when its pod starts, so delete the pod ({error})"
            )
            return DatabaseObservation(AccountState.REFUSED, wanted, detail=_clean(detail, operator, user))
        except DatabaseError as error:
            state = AccountState.UNREACHABLE if isinstance(error, Unreachable) else AccountState.REFUSED
            return DatabaseObservation(state, wanted, detail=_clean(str(error), operator, user))
        return DatabaseObservation(AccountState.READY, wanted, version.partition("-")[0])


def _text(secret: Manifest, key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()


def _clean(text: str, *logins: Login) -> str:
    """Return a text without any password: MySQL quotes what it does not understand."""
    for login in logins:
        text = text.replace(login.password, "***") if login.password else text
    return text
