"""The program as a whole: probes, metrics, start and end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pba_lab import account
from pba_lab.modelled import Clock
from pba_lab.pages import get
from pba_lab.patience import eventually
from pba_lab.shop import shop
from pba_lab.sidecar import Sidecar

from pba_hack.loopback import free_port
from pba_sync import probes, program
from pba_sync.balancer.metrics import Metrics
from pba_sync.balancer.planner import Change, Kind
from pba_sync.haproxy.errors import HAProxyUnreachableError
from pba_sync.haproxy.retries import Budget
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.judging.answers import Answer
from pba_sync.judging.pasts import End
from pba_sync.settings import read_settings
from pba_sync.watching.membership import Node, NodeState
from pba_sync.watching.view import Board


@pytest.fixture
def problems() -> dict[str, str]:
    return {"healthz": "", "readyz": "no node yet", "started": "no certificate yet"}


@pytest.fixture
def port(problems: dict[str, str]) -> Iterator[int]:
    server = probes.serve(
        "127.0.0.1",
        0,
        healthz=lambda: problems["healthz"],
        readyz=lambda: problems["readyz"],
        started=lambda: problems["started"],
        metrics=lambda: b"pba_sync 1\n",
        rates=lambda: b"{}",
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_probes_say_why_not(port: int, problems: dict[str, str]) -> None:
    assert get(port, "/healthz") == (200, "ok\n")
    assert get(port, "/readyz?verbose") == (503, "no node yet\n")
    problems["readyz"] = ""
    assert get(port, "/readyz") == (200, "ok\n")
    assert get(port, "/started") == (503, "no certificate yet\n")
    problems["started"] = ""
    assert get(port, "/started") == (200, "ok\n")


def test_metrics_and_nothing_else(port: int) -> None:
    assert get(port, "/metrics") == (200, "pba_sync 1\n")
    assert get(port, "/")[0] == 404


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(clock)


def test_metrics_tell_what_happens(board: Board, clock: Clock, nodes: Callable[..., dict[str, Node]]) -> None:
    metrics = Metrics(board, clock)
    metrics.count_retries(lambda: Budget(spent=5, refused=2))
    board.confirm("EndpointSlices")
    board.publish(nodes(n1="serving", n2="draining"))
    clock.now += 0.015625
    metrics.haproxy.on_change(Change(Kind.ADD, "n1", ()))
    metrics.haproxy.on_change(Change(Kind.DRAIN, "n2", ()))
    metrics.nodes.on_joined(0.015625)
    metrics.haproxy.on_command("add server", True)
    metrics.haproxy.on_command("del server", False)
    metrics.nodes.on_relist("start")
    metrics.nodes.on_error("ApiUnavailableError")
    metrics.haproxy.on_restart()
    metrics.answers.on_left(2)
    metrics.haproxy.on_step()
    clock.now += 0.5
    metrics.answers.on_answers(
        [
            Answer("n1", End(20.0), cookie="bound"),
            Answer("n1", End(20.0)),
            Answer("n1", End(9.0), cookie="bound"),
        ]
    )
    metrics.haproxy.on_pass(
        {
            "n1": Server("n1", "10.0.0.1", 80, Admin.READY, checked=True, up=True),
            "n2": Server("n2", "10.0.0.2", 80, Admin.DRAIN, checked=True, up=True),
        }
    )
    text = metrics.text().decode()
    for line in (
        "pba_sync_view_age_seconds 0.515625",
        "pba_sync_haproxy_age_seconds 0.5",
        "pba_sync_nodes_vanished 0.0",
        'pba_sync_nodes{state="serving"} 1.0',
        'pba_sync_nodes{state="draining"} 1.0',
        'pba_sync_servers{admin="ready"} 1.0',
        'pba_sync_servers{admin="maint"} 0.0',
        "pba_sync_servers_usable 1.0",
        "pba_sync_nodes_left 2.0",
        'pba_sync_requests_by_client_total{client="bound"} 2.0',
        'pba_sync_response_seconds_count{node="n1",result="answered"} 3',
        'pba_sync_changes_total{change="added"} 1.0',
        'pba_sync_changes_total{change="drained"} 1.0',
        'pba_sync_commands_total{command="del server"} 1.0',
        'pba_sync_command_failures_total{command="del server"} 1.0',
        'pba_sync_relists_total{reason="start"} 1.0',
        'pba_sync_watch_errors_total{error="ApiUnavailableError"} 1.0',
        "pba_sync_haproxy_restarts_total 1.0",
        "pba_sync_retries_total 5.0",
        "pba_sync_retries_refused_total 2.0",
        'pba_sync_in_rotation_seconds_bucket{le="0.025"} 1.0',
    ):
        assert f"\n{line}\n" in text, line
    assert "process_resident_memory_bytes" in text


def _unreachable() -> Budget:
    raise HAProxyUnreachableError("nobody answers")


def test_before_the_first_list_the_age_is_not_a_number(board: Board, clock: Clock) -> None:
    metrics = Metrics(board, clock)
    metrics.count_retries(_unreachable)
    text = metrics.text().decode()
    assert "\npba_sync_view_age_seconds NaN\n" in text
    assert "\npba_sync_haproxy_age_seconds NaN\n" in text
    assert '\npba_sync_nodes{state="serving"} 0.0\n' in text
    assert "pba_sync_retries" not in text, "HAProxy does not answer"


def test_a_setting_that_is_missing_ends_the_program(caplog: pytest.LogCaptureFixture) -> None:
    assert program.run({}, threading.Event()) == 2
    assert "PBA_NAMESPACE" in caplog.text


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return account.environment(shop("default"), tmp_path / "admin.sock", tmp_path)


def test_health_fails_when_the_loop_is_stuck_or_a_thread_is_gone(environment: dict[str, str]) -> None:
    sidecar = program._Sidecar(read_settings(environment))
    assert sidecar.healthz() == ""
    assert "no node could serve" in sidecar.readyz()
    sidecar.loop.looks.ended_at = time.monotonic() - program.STUCK_SECONDS - 1
    assert "not finished a pass" in sidecar.healthz()
    sidecar.loop.looks.ended_at = time.monotonic()
    sidecar.weigher.looks.ended_at = time.monotonic() - program.STUCK_SECONDS - 1
    assert "answers have not been looked at" in sidecar.healthz()
    sidecar.weigher.looks.ended_at = time.monotonic()
    sidecar.others.looks.ended_at = time.monotonic() - program.STUCK_SECONDS - 1
    assert "other frontends have not been looked at" in sidecar.healthz()
    sidecar.others.looks.ended_at = time.monotonic()
    for what, watcher in sidecar.watchers.items():
        watcher.moved_at = time.monotonic() - program.WATCH_STUCK_SECONDS - 1
        assert f"the watch of {what} has not moved" in sidecar.healthz()
        watcher.moved_at = time.monotonic()
    sidecar.threads.append(threading.Thread(name="watch"))
    assert sidecar.healthz() == "threads have ended: watch"


def test_the_others_are_asked_for_clients_rates_where_this_one_tells_them(
    environment: dict[str, str],
) -> None:
    sidecar = program._Sidecar(read_settings({**environment, "PBA_REQUESTS_PER_CLIENT": "5"}))
    sidecar.frontends.nodes = {
        name: Node(name, address, 8080, NodeState.SERVING)
        for name, address in (("shop-frontend-b", "10.0.0.2"), ("shop-frontend-me", "127.0.0.1"))
    }
    assert sidecar.exchange._others() == {"shop-frontend-b": ("10.0.0.2", 8404)}
    sidecar.exchange.looks.ended_at = time.monotonic() - program.STUCK_SECONDS - 1
    assert "rates have not been looked at" in sidecar.healthz()


def test_where_clients_are_not_limited_their_rates_are_not_looked_at(environment: dict[str, str]) -> None:
    sidecar = program._Sidecar(read_settings(environment))
    sidecar.exchange.looks.ended_at = time.monotonic() - program.STUCK_SECONDS - 1
    assert sidecar.healthz() == ""


def test_the_page_for_the_others_and_nothing_else(port: int) -> None:
    assert get(port, "/rates") == (200, "{}")


def test_the_sidecar_lives_without_haproxy_and_without_an_api_server(
    environment: dict[str, str], tmp_path: Path
) -> None:
    sidecar = Sidecar(environment, tmp_path / "sync.log")
    try:
        eventually(lambda: sidecar.get("/healthz")[0] == 200)
        assert sidecar.get("/readyz")[0] == 503
        assert "pba_sync_view_age_seconds NaN" in sidecar.get("/metrics")[1]
    finally:
        status = sidecar.end()
    assert status == 0


@pytest.mark.parametrize(
    "thread",
    [
        "watching.view.Watcher.run",
        "balancer.loop.Loop.run",
        "balancer.weigher.Weigher.run",
        "balancer.weigher.Weigher.follow_failures",
    ],
)
def test_a_thread_that_dies_ends_the_sidecar(environment: dict[str, str], thread: str) -> None:
    """It is started anew, rather than looking well while something is not done any more."""
    room, module, kind, method = thread.split(".")
    fault = (
        f"from pba_sync import program; from pba_sync.{room} import {module}\n"
        f"def die(self, *_): raise MemoryError('no more')\n"
        f"{module}.{kind}.{method} = die\n"
        "program.main()"
    )
    child = subprocess.run(
        [sys.executable, "-c", fault],
        env={**os.environ, **environment, "PBA_HTTP_PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert child.returncode == 1
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    (line,) = [line for line in lines if line["level"] == "critical"][:1]
    assert "has died of a fault of its own" in line["message"]
    assert "MemoryError: no more" in line["exception"]
