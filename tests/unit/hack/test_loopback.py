"""Ports for servers that tools and tests start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pba_hack import loopback


def test_no_client_is_given_such_a_port_by_the_kernel() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert loopback.PORTS.stop <= lowest
    assert loopback.free_port() in loopback.PORTS


def test_a_port_that_is_taken_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    free = loopback.free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter((taken.getsockname()[1], free))
        monkeypatch.setattr("secrets.choice", lambda _: next(ports))
        assert loopback.free_port() == free


def test_where_none_is_free_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("secrets.choice", lambda _: port)
        with pytest.raises(OSError, match="no free port"):
            loopback.free_port()
