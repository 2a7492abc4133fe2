"""The connector that is given to the operator's code in place of `pymysql.connect`: another way to the same server.

What must stay true: nothing of the connection itself is different. TLS is still checked against the name that the
operator asked for, and every limit of time is the operator's.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any, Final

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR

Resolve = Callable[[str, int], int]
"""Returns the port of loopback behind which a host and its port are; raises OSError if there is no such host."""
LOOPBACK: Final = "127.0.0.1"


def refused(host: str, port: int) -> ConnectionRefusedError:
    """Return the kernel's error where nobody listens."""
    return ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED), f"{host}:{port}")


def connector(resolve: Resolve) -> Callable[..., Connection[Any]]:
    """Return what connects as `pymysql.connect` does.

    Args:
        resolve: does what the cluster's DNS and network do.
    """

    def connect(**options: Any) -> Connection[Any]:
        made: Connection[Any] = pymysql.Connection(**options, defer_connect=True)
        try:
            port = resolve(made.host, made.port)
            stream = socket.create_connection((LOOPBACK, port), made.connect_timeout)
        except OSError as error:
            raise pymysql.OperationalError(
                CR.CR_CONN_HOST_ERROR, f"Can't connect to MySQL server on {made.host!r} ({error})"
            ) from error
        made.connect(stream)
        return made

    return connect
