"""Ports for servers that tools and tests start."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pba_hack import loopback


def test_no_client_is_given_such_a_port_by_the_kernel() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert loopback.PORTS.stop <= lowest
    assert loopback.free_port() in loopback.PORTS


def test_no_port_is_given_twice_by_whichever_process() -> None:
    count = loopback._BLOCK * 3 // 2
    code = (
        "from pba_hack.loopback import free_port\n"
        f"print(*(free_port() for _ in range({count})), flush=True)\n"
        "input()"
    )
    given = [loopback.free_port() for _ in range(count)]
    path = {"PYTHONPATH": str(Path(loopback.__file__).parents[1])}
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=path
        )
        for _ in range(3)
    ]
    for other in others:
        assert other.stdout is not None
        given += map(int, other.stdout.readline().split())
    for other in others:
        other.communicate("\n", timeout=60)
    assert len(given) == len(set(given)) == 4 * count


def test_a_port_that_is_taken_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    free = loopback.free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(loopback, "_OURS", iter((taken.getsockname()[1], free)))
        assert loopback.free_port() == free


def test_where_none_is_free_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(loopback, "_OURS", iter((taken.getsockname()[1],)))
        with pytest.raises(OSError, match="no free port"):
            loopback.free_port()
