"""Clients and the tally on nodes: nothing is asked twice, and what those have executed that are gone is known."""

from __future__ import annotations

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pba_hack.bench.balancer.nodes.programs import Kind, Tally, asking, counting
from pba_hack.binaries import binary
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for


@pytest.fixture
def tally_port() -> int:
    return free_port()


@pytest.fixture
def tally(tmp_path: Path, tally_port: int) -> Iterator[Tally]:
    with counting(f"127.0.0.1:{tally_port}", tmp_path / "executed") as made:
        yield made


@contextlib.contextmanager
def application(tally_port: int, **how: float) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    address = f"127.0.0.1:{free_port()}"
    options = [word for name, value in how.items() for word in (f"-{name.replace('_', '-')}", f"{value}")]
    where = ("-listen", address, "-tally", f"127.0.0.1:{tally_port}")
    command = [str(binary("loadlab")), "application", *where]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE) as process:
        try:
            wait_for("the application", lambda: accepts(address))
            yield process, address
        finally:
            process.kill()


def accepts(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def test_what_an_application_has_executed_is_known_when_it_is_gone(
    tally: Tally, tally_port: int, tmp_path: Path
) -> None:
    with application(tally_port) as (process, address):
        before = time.time()
        with asking(address, tmp_path / "records", Kind(200.0, posts=30), first=5) as clients:
            wait_for("requests", lambda: sum(tally.by_node().values()) > 50)
            load = clients.end()
        assert before <= clients.began <= time.time()
        process.kill()
        process.wait()
    assert load.failures == {}
    assert {one.method for one in load.sent} == {"GET", "POST"}
    assert [one.number for one in load.sent] == list(range(5, 5 + len(load.sent)))
    assert set(load.by_node) == {os.uname().nodename}
    assert tally.by_node() == load.by_node
    assert tally.executions() == bytes(5) + b"\x01" * len(load.sent)


def test_an_application_that_is_told_to_end_finishes_what_it_has_begun(
    tally: Tally, tally_port: int, tmp_path: Path
) -> None:
    with application(tally_port, delay_ms=300) as (process, address):
        with asking(address, tmp_path / "records", Kind(50.0), first=0) as clients:
            wait_for("requests", lambda: sum(tally.by_node().values()) > 5)
            load = clients.end()
            begun = len(load.sent)
        assert begun > 5
        assert load.failures == {}
        with socket.create_connection(tuple(address.split(":"))) as client:  # type: ignore[arg-type]
            client.sendall(b"GET / HTTP/1.1\r\nHost: it\r\nX-Load-Id: 9000\r\n\r\n")
            wait_for("the request", lambda: sum(tally.by_node().values()) > begun)
            process.send_signal(signal.SIGTERM)
            answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        assert process.wait(5) == 0


def test_an_application_does_not_go_on_uncounted(tmp_path: Path, tally_port: int) -> None:
    with contextlib.ExitStack() as stack:
        with counting(f"127.0.0.1:{tally_port}", tmp_path / "executed"):
            process, address = stack.enter_context(application(tally_port))
        with asking(address, tmp_path / "records", Kind(20.0), first=0) as clients:
            assert process.wait(10) == 1
            load = clients.end()
    assert load.failures.total() > 0


@pytest.mark.parametrize("fresh", [0, 50])
def test_as_many_come_with_a_connection_of_their_own_as_are_wanted(tmp_path: Path, fresh: int) -> None:
    Counting.connections = Counting.requests = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever).start()
        target = f"127.0.0.1:{server.server_address[1]}"
        with asking(target, tmp_path / "records", Kind(100.0, posts=0, fresh=fresh), first=0) as clients:
            wait_for("requests", lambda: Counting.requests > 60)
            load = clients.end()
        server.shutdown()
    assert load.failures == {}
    # of the others each finds one that was kept, unless the answer to the one before is late
    late = sum(one.took > 0.02 for one in load.sent)
    most = (fresh + 25) * len(load.sent) / 100 + late
    assert fresh * len(load.sent) // 100 <= Counting.connections < most


class Counting(http.server.BaseHTTPRequestHandler):
    """Answers, and counts its connections and requests."""

    protocol_version = "HTTP/1.1"
    connections = 0
    requests = 0

    def setup(self) -> None:
        super().setup()
        Counting.connections += 1

    def do_GET(self) -> None:
        Counting.requests += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
