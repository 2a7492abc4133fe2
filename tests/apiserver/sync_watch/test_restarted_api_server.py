"""The API server itself is killed and started again, on the same etcd."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pykube  # type: ignore[import-untyped]
import pytest
from pba_lab.patience import eventually
from pba_lab.rotation import Servers
from pba_lab.sidecar import Sidecar
from pba_lab.slices import SERVICE, Slices
from pba_lab.wire import Wire

from pba_hack import apiserver
from pba_hack.apiserver import ApiServer
from pba_hack.binaries import binary
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for
from pba_operator.domain.model import Cluster
from pba_sync.watching import kube
from pba_sync.watching.errors import ViewExpiredError

START_SECONDS = 120.0


class Restartable:
    """An etcd that runs throughout, and an API server on it that can go and come back."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        etcd_url = f"http://127.0.0.1:{free_port()}"
        program = binary("kubernetes")
        stack.enter_context(
            apiserver.process(apiserver._etcd_command(program, folder, etcd_url), folder / "etcd.log")
        )
        self.server: ApiServer = apiserver._prepare(folder, free_port())
        stack.callback(self.server.hang_up)
        self._command = apiserver._server_command(program, folder, etcd_url, self.server)
        self._log = folder / "kube-apiserver.log"
        self._running = stack.enter_context(contextlib.ExitStack())
        self.start()

    def start(self) -> None:
        self._process = self._running.enter_context(apiserver.process(self._command, self._log))
        wait_for(f"the API server ({self._log})", self.server.is_ready, START_SECONDS, poll_seconds=0.05)

    def kill(self) -> None:
        self._process.kill()
        self._running.close()


@pytest.fixture(scope="module")
def restartable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restartable]:
    with contextlib.ExitStack() as stack:
        yield Restartable(tmp_path_factory.mktemp("own"), stack)


@pytest.fixture(scope="module")
def api_server(restartable: Restartable) -> ApiServer:
    """In this module all fixtures use the API server that can be restarted."""
    return restartable.server


def test_it_goes_on_and_catches_up_and_an_old_version_is_told_as_such(
    restartable: Restartable,
    sidecar: Sidecar,
    slices: Slices,
    servers: Servers,
    token_folder: Path,
    cluster: Cluster,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(wire.port))
    source = kube.slices(
        lambda: pykube.KubeConfig.from_service_account(str(token_folder)),
        cluster.namespace,
        [SERVICE],
        "http",
    )
    slices.write("one", {"a": "ready"}, port=9)
    eventually(lambda: set(servers()) == {"a"})
    old = source.list().resource_version
    slices.write("one", {"a": "ready", "b": "ready"}, port=9)
    eventually(lambda: set(servers()) == {"a", "b"})

    restartable.kill()
    eventually(lambda: sidecar.metric('pba_sync_watch_errors_total{error="ApiUnavailableError"}') >= 2)
    assert set(servers()) == {"a", "b"}
    assert (sidecar.get("/healthz")[0], sidecar.get("/readyz")[0]) == (200, 200)

    restartable.start()
    slices.write("one", {"c": "ready"}, port=9)
    eventually(lambda: set(servers()) == {"c"})
    with pytest.raises(ViewExpiredError, match="too old"):
        list(source.watch(old))
