"""Loopback's ports, for servers that tools and tests start by themselves."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from typing import Final

PORTS: Final = range(10_000, 30_000)
"""None that the kernel gives to connections by itself (from 32768, `ip_local_port_range`): one that is free when it is
looked at may be some client's a moment later."""
_BLOCK: Final = 200
"""So many of them are one process's at a time."""


def free_port() -> int:
    """Return a port of loopback that is free now, and that nobody else is given: a server may begin later.

    Raises:
        OSError: none was free.
    """
    with _LOCK:
        for port in _OURS:
            if _is_free(port):
                return port
    raise OSError(f"no free port of loopback found from {PORTS.start} to {PORTS.stop}")


def _ours() -> Iterator[int]:
    """Yield ports that this process alone yields, each once.

    A block is whose process has bound the abstract UNIX socket of its name: the kernel gives it up with the process,
    and network namespaces have them apart, as they have ports.
    """
    blocks = list(range(PORTS.start, PORTS.stop, _BLOCK))
    random.shuffle(blocks)
    for first in blocks:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0pba-hack-ports-{first}")
        except OSError:
            claim.close()
            continue
        claim.detach()  # open until the process ends
        yield from range(first, first + _BLOCK)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_LOCK: Final = threading.Lock()
_OURS: Final = _ours()
