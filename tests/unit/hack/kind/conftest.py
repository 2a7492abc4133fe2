"""A machine with Docker and kind on it, of which only the commands are there."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.kind import nodes
from pba_hack.cluster.kind.provider import KindProvider
from pba_hack.progress import Progress

KUBECONFIG = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: QUJD
    server: https://127.0.0.1:39721
  name: kind-pba-shop-1
users:
- name: kind-pba-shop-1
"""


class Machine:
    """Remembers what was run, and answers as docker, kind and kubectl would."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.nodes: dict[str, list[str]] = {}
        """Containers by cluster; those that are stopped are there, too."""
        self.stopped: set[str] = set()
        self.started: dict[str, int] = {}
        """At which second of the clock each container was started."""
        self.heard: dict[str, int] = {}
        """At which one its kubelet last said that it is ready: a stopped one is taken at its last word."""
        self.silent: set[str] = set()
        """Whose kubelet says nothing, though the container runs."""
        self.names: dict[str, Any] = {"availableReplicas": 2}
        """The status of CoreDNS."""
        self.first_process = "0123abcd 1"
        self.on_create: Callable[[], None] = lambda: None

    def did(self, *words: str) -> list[list[str]]:
        """Return the commands that began with these words."""
        return [command for command in self.ran if command[: len(words)] == list(words)]

    def run(self, command: Sequence[str]) -> None:
        self.ran.append(list(command))
        match list(command):
            case ["kind", "create", "cluster", "--name", name, "--kubeconfig", kubeconfig, *options]:
                roles = Path(options[options.index("--config") + 1]).read_text()
                self.nodes[name] = [f"{name}-control-plane"]
                self.on_create()
                workers = roles.count("role: worker")
                self.nodes[name] += [f"{name}-worker{number}" for number in range(workers)]
                self._start(self.nodes[name], 10)
                Path(kubeconfig).write_text(KUBECONFIG)
            case ["kind", "export", "kubeconfig", "--name", name, "--kubeconfig", kubeconfig]:
                assert self.nodes[name]
                Path(kubeconfig).write_text(KUBECONFIG)
            case ["kind", "delete", "cluster", "--name", name, *_]:
                self.nodes.pop(name, None)
            case ["docker", "start", *names]:
                self._start([name for name in names if name in self.stopped], 30)
                self.stopped -= set(names)

    def _start(self, names: Sequence[str], second: int) -> None:
        self.started |= dict.fromkeys(names, second)
        self.heard |= {name: second + 5 for name in names if name not in self.silent}

    def ask(self, command: Sequence[str]) -> str:
        match list(command):
            case ["kind", "get", "clusters"]:
                return "\n".join(self.nodes)
            case ["kind", "get", "nodes", "--name", name]:
                return "\n".join(self.nodes[name])
            case ["docker", "inspect", "--format", nodes.FORMAT, *names]:
                return "".join(
                    f"/{name} {str(name not in self.stopped).lower()} {_moment(self.started[name], '.25')}\n"
                    for name in names
                )
            case ["docker", "inspect", *_]:
                return self.first_process + "\n"
            case ["kubectl", kubeconfig, *question, "-o", "json"]:
                assert Path(kubeconfig.partition("=")[2]).exists()
                return json.dumps(self._answer(question))
        raise AssertionError(f"nobody answers {command}")

    def _answer(self, question: list[str]) -> Any:
        [names] = [names for cluster, names in self.nodes.items() if cluster.startswith("pba-")]
        if names[0] in self.stopped:
            raise ClusterError("the connection to the server 127.0.0.1:39721 was refused")
        match question:
            case ["get", "nodes"]:
                return {"items": [_node(n, name, self.heard.get(name)) for n, name in enumerate(names)]}
            case ["--namespace=kube-system", "get", "deployment", "coredns"]:
                return {"status": self.names}
            case ["--namespace=kube-system", "get", "service", "kube-dns"]:
                return {"spec": {"clusterIP": "10.96.0.10"}}
        raise AssertionError(f"nobody answers {question}")


def _node(number: int, name: str, heard: int | None) -> dict[str, Any]:
    status = (
        {"status": "Unknown"} if heard is None else {"status": "True", "lastHeartbeatTime": _moment(heard)}
    )
    return {
        "metadata": {"name": name},
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"172.18.0.{number}"}],
            "conditions": [{"type": "Ready", **status}],
        },
    }


def _moment(second: int, fraction: str = "") -> str:
    return f"2026-01-01T00:00:{second:02}{fraction}Z"


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def said() -> io.StringIO:
    """What the commands say to the person."""
    return io.StringIO()


@pytest.fixture
def make(machine: Machine, said: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes what one command would use; each has one of its own."""
    monkeypatch.setenv("PBA_CACHE", str(tmp_path / "cache"))

    def one(progress: Progress | None = None) -> KindProvider:
        return KindProvider("shop-1", progress or Progress(said), machine.run, machine.ask)

    return one


@pytest.fixture
def kind(make: Any) -> KindProvider:
    made: KindProvider = make()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the provider keeps what belongs to the cluster."""
    return tmp_path / "cache" / "kind" / "shop-1"
