"""A Kubernetes of real parts but for its nodes: etcd, API server, controllers, scheduler, and KWOK as all kubelets.

What must stay true: nothing here knows of PBAClusters, and nothing does what a real cluster would not do; it only does
it at once.
"""

from __future__ import annotations

import contextlib
import http
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from pba_hack import apiserver
from pba_hack.apiserver import ApiServer
from pba_hack.conditions import is_ready
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for

_STAGES: Final = Path(__file__).with_name("stages.yaml")
_NODES: Final = 10
_NODES_SECONDS: Final = 60.0
_CONTROLLERS: Final = (
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "persistentvolume-binder-controller",
    "replicaset-controller",
    "statefulset-controller",
)
"""Those that PBAClusters need; node life and accounts would only add noise."""


class RefusedError(RuntimeError):
    """The API server did not take a node or a volume; says why."""


@contextlib.contextmanager
def running(kubernetes: Path, kwok: Path, folder: Path, *, volumes: int) -> Iterator[ApiServer]:
    """Run it until the block ends; all its files are in `folder`.

    Args:
        kubernetes: the multi-call binary of Kubernetes' programs.
        kwok: KWOK's.
        folder: empty, or with etcd's data of an earlier one in it; kept afterwards with the logs.
        volumes: how many volumes of 1 GiB there are for claims that name no storage class.

    Raises:
        RefusedError: the API server did not take a node or a volume.
        ServerDiedError: etcd or the API server did not start.
        WaitedInVainError: the nodes do not get ready.
    """
    folder = folder.absolute()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(apiserver.running(kubernetes, folder, audit_bodies=False))
        commands = {
            "kube-controller-manager": _controller_manager(server),
            "kube-scheduler": _controlling(server),
            "kwok": _kwok(server),
        }
        for name, arguments in commands.items():
            program = str(kwok) if name == "kwok" else apiserver.called(kubernetes, folder, name)
            stack.enter_context(apiserver.process((program, *arguments), folder / f"{name}.log"))
        _create_all(server, "/api/v1/nodes", [_node(number) for number in range(_NODES)])
        _create_all(server, "/api/v1/persistentvolumes", [_volume(number) for number in range(volumes)])
        wait_for(f"{_NODES} nodes to be ready", lambda: _ready_nodes(server) == _NODES, _NODES_SECONDS)
        yield server


def _controlling(server: ApiServer) -> Sequence[str]:
    return (
        f"--kubeconfig={server.kubeconfig}",
        "--leader-elect=false",
        f"--secure-port={free_port()}",
        "--bind-address=127.0.0.1",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    )


def _controller_manager(server: ApiServer) -> Sequence[str]:
    return (*_controlling(server), f"--controllers={','.join(_CONTROLLERS)}", "--concurrent-gc-syncs=10")


def _kwok(server: ApiServer) -> Sequence[str]:
    return (
        f"--kubeconfig={server.kubeconfig}",
        "--manage-all-nodes=true",
        f"--config={_STAGES}",
        f"--server-address=127.0.0.1:{free_port()}",
        "--node-lease-duration-seconds=0",
    )


def _node(number: int) -> dict[str, Any]:
    name = f"node-{number}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "spec": {"podCIDR": f"10.{number + 1}.0.0/16"},
    }


def _volume(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"volume-{number}"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": "/nowhere"},
        },
    }


def _create_all(server: ApiServer, path: str, manifests: Sequence[dict[str, Any]]) -> None:
    def create(manifest: dict[str, Any]) -> None:
        answer = server.request("POST", path, manifest)
        if not answer.ok and answer.status != http.HTTPStatus.CONFLICT:
            raise RefusedError(answer.data.decode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(create, manifests))


def _ready_nodes(server: ApiServer) -> int:
    nodes = server.request("GET", "/api/v1/nodes").body["items"]
    return sum(map(is_ready, nodes))
