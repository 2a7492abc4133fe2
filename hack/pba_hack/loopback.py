"""Loopback's ports, for servers that tools and tests start by themselves."""

from __future__ import annotations

import secrets
import socket
from typing import Final

PORTS: Final = range(10_000, 30_000)
"""None that the kernel gives to connections by itself (from 32768, `ip_local_port_range`): one that is free when it is
looked at may be some client's a moment later. Two who look at the same moment get the same one once in 20,000 times."""


def free_port() -> int:
    """Return a port of loopback that is free now.

    Raises:
        OSError: none was free, of many that were tried.
    """
    for _ in range(100):
        port = secrets.choice(PORTS)
        if _is_free(port):
            return port
    raise OSError(f"no free port of loopback found from {PORTS.start} to {PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
