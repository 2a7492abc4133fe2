"""A connection to a UNIX socket, waited for no longer than its answers are."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _timeval(seconds: float) -> bytes:
    """Return `struct timeval`, as `SO_SNDTIMEO` takes it."""
    microseconds = round(seconds * 1_000_000)
    return struct.pack("@ll", *divmod(microseconds, 1_000_000))


@contextmanager
def connected(path: Path, seconds: float) -> Iterator[socket.socket]:
    """Hold a connection to a socket; every wait, the one for being connected too, lasts at most `seconds`.

    Python's own timeout makes a socket one that does not block, and Linux refuses such a socket at once
    (`EAGAIN`) while the listener's queue is full; a blocking one it lets wait for `SO_SNDTIMEO`
    (source: unix(7), socket(7), `unix_stream_connect` in net/unix/af_unix.c).

    Args:
        path: the socket's.
        seconds: more than 0.

    Raises:
        TimeoutError: the listener's queue stayed full, or an answer did not come.
        OSError: nobody listens.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))
        try:
            connection.connect(str(path))
        except BlockingIOError as error:
            raise TimeoutError(f"accepts no connection: timed out after {seconds:g} s") from error
        connection.settimeout(seconds)
        yield connection
