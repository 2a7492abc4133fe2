"""Which servers HAProxy has, and which of them it sends requests to."""

from __future__ import annotations

from collections.abc import Callable

from pba_sync.haproxy.servers import Server

Servers = Callable[[], dict[str, Server]]
"""Asks HAProxy for the servers that it has just now, by their names."""


def in_rotation(servers: Servers) -> set[str]:
    """Return the names of the servers that get requests just now."""
    return {name for name, server in servers().items() if server.usable}
