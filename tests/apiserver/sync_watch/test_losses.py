"""What the sidecar does when it loses the API server, its token, HAProxy or its own life: it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pykube  # type: ignore[import-untyped]
import pytest
from pba_lab import HAProxyProcess
from pba_lab.patience import eventually
from pba_lab.rotation import Servers, in_rotation
from pba_lab.sidecar import Sidecar
from pba_lab.slices import SERVICE, Slices
from pba_lab.wire import Wire

from pba_operator.domain.model import Cluster
from pba_sync.watching import kube
from pba_sync.watching.external import Declared
from pba_sync.watching.kube import Followed
from pba_sync.watching.membership import Endpoint
from pba_sync.watching.roster import Roster
from pba_sync.watching.view import Board, Watcher, WatcherHooks


def test_without_the_api_server_it_goes_on_with_what_it_knows(
    sidecar: Sidecar,
    slices: Slices,
    servers: Servers,
    wire: Wire,
    haproxy: HAProxyProcess,
) -> None:
    slices.write("one", {"a": "ready", "b": "ready"}, port=9)
    eventually(lambda: in_rotation(servers) == {"a", "b"})
    eventually(lambda: sidecar.get("/readyz")[0] == 200)
    wire.cut()
    eventually(lambda: sidecar.metric('pba_sync_watch_errors_total{error="ApiUnavailableError"}') >= 2)
    slices.write("one", {"a": "ready", "c": "ready"}, port=9)
    haproxy.kill()
    haproxy.start()
    eventually(lambda: set(servers()) == {"a", "b"})
    eventually(lambda: sidecar.get("/readyz")[0] == 200)
    assert sidecar.get("/healthz")[0] == 200
    assert sidecar.metric("pba_sync_view_age_seconds") > 0
    wire.mend()
    eventually(lambda: set(servers()) == {"a", "c"})
    eventually(lambda: sidecar.metric("pba_sync_view_age_seconds") < 5)


def test_a_sidecar_that_starts_without_the_api_server_leaves_haproxy_alone(
    new_sidecar: Callable[[], Sidecar], slices: Slices, servers: Servers, wire: Wire
) -> None:
    first = new_sidecar()
    slices.write("one", {"a": "ready"}, port=9)
    eventually(lambda: first.get("/readyz")[0] == 200)
    wire.cut()
    first.process.kill()
    first.process.wait()
    second = new_sidecar()
    eventually(lambda: second.get("/readyz")[0] == 200)
    eventually(lambda: second.metric('pba_sync_watch_errors_total{error="ApiUnavailableError"}') >= 1)
    assert set(servers()) == {"a"}
    slices.write("one", {"b": "ready"}, port=9)
    wire.mend()
    eventually(lambda: set(servers()) == {"b"})


def test_a_rotated_token_is_taken_up(
    sidecar: Sidecar,
    slices: Slices,
    servers: Servers,
    wire: Wire,
    token_folder: Path,
    token: Callable[[], str],
) -> None:
    slices.write("one", {"a": "ready"}, port=9)
    eventually(lambda: in_rotation(servers) == {"a"})
    slices.write("one", {"a": "ready", "b": "ready"}, port=9)
    eventually(
        lambda: in_rotation(servers) == {"a", "b"}
    )  # told by a watch: no other begins by the old token
    (token_folder / "token").write_text("expired")
    wire.cut()
    wire.mend()
    eventually(lambda: sidecar.metric('pba_sync_watch_errors_total{error="AccessRefusedError"}') >= 1)
    assert in_rotation(servers) == {"a", "b"}
    slices.write("one", {"a": "ready", "b": "ready", "c": "ready"}, port=9)
    (token_folder / "token").write_text(token())
    eventually(lambda: in_rotation(servers) == {"a", "b", "c"})


@pytest.fixture
def source(
    wire: Wire, token_folder: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Followed[tuple[Endpoint, ...]]:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(wire.port))
    return kube.slices(
        lambda: pykube.KubeConfig.from_service_account(str(token_folder)),
        cluster.namespace,
        [SERVICE],
        "http",
    )


class OverError(BaseException):
    """The test is over: ends the watcher's thread."""


def test_a_dead_watch_is_noticed_and_replaced(
    source: Followed[tuple[Endpoint, ...]], slices: Slices, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube, "WATCH_SECONDS", 4)  # at half of it, the API server says something
    monkeypatch.setattr(kube, "WATCH_GRACE_SECONDS", 0.5)
    monkeypatch.setattr(kube, "LIST_SECONDS", 3.0)
    board, over = Board(time.monotonic), threading.Event()
    errors: list[str] = []
    relists: list[str] = []

    def sleep(seconds: float) -> None:
        if over.wait(seconds):
            raise OverError

    def run() -> None:
        with pytest.raises(OverError):
            Watcher(
                source,
                Roster(board, Declared()).pods,
                WatcherHooks(time.monotonic, sleep, lambda: 0.5, relists.append, errors.append),
            ).run()

    def nodes() -> set[str]:
        return set(board.view.nodes) if board.view else set()

    slices.write("one", {"a": "ready"}, port=9)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        eventually(lambda: nodes() == {"a"})
        noted = len(errors)
        wire.silent = True
        slices.write("one", {"b": "ready"}, port=9)
        eventually(lambda: len(errors) > noted)
        assert (board.age() or 0) > 1
        assert nodes() == {"a"}
        wire.cut()
        wire.mend()
        eventually(lambda: nodes() == {"b"})
        lists = len(relists)
        slices.write("one", {"c": "ready"}, port=9)
        eventually(lambda: nodes() == {"c"})
        assert len(relists) == lists, "a watch told it, no list"
    finally:
        over.set()
        thread.join(20)
