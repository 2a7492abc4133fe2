"""The commands that the kind provider would run; Docker itself is not here."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.kind.provider import KindProvider
from pba_hack.progress import Progress


class Machine:
    """Remembers what was run, and answers as kind and kubectl would."""

    def __init__(self) -> None:
        self.ran: list[Sequence[str]] = []
        self.clusters: list[str] = []
        self.ready = ["True", "True"]

    def run(self, command: Sequence[str]) -> None:
        self.ran.append(command)

    def ask(self, command: Sequence[str]) -> str:
        if command[:3] == ["kind", "get", "clusters"]:
            return "\n".join(self.clusters)
        nodes = [
            {
                "metadata": {"name": f"worker{number}"},
                "status": {
                    "addresses": [{"type": "InternalIP", "address": f"10.0.0.{number}"}],
                    "conditions": [{"type": "Ready", "status": ready}],
                },
            }
            for number, ready in enumerate(self.ready)
        ]
        return json.dumps({"items": nodes})


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def kind(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KindProvider:
    monkeypatch.setenv("PBA_CACHE", str(tmp_path))
    return KindProvider("shop-1", Progress(io.StringIO()), machine.run, machine.ask)


def test_up_creates_a_control_plane_and_three_workers(kind: KindProvider, machine: Machine) -> None:
    kind.up(None)
    [command] = machine.ran
    assert command[:5] == ["kind", "create", "cluster", "--name", "pba-shop-1"]
    assert command[command.index("--kubeconfig") + 1] == str(kind.kubeconfig)
    config = Path(command[command.index("--config") + 1]).read_text()
    assert config.count("role: control-plane") == 1
    assert config.count("role: worker") == 3


def test_up_takes_another_number_of_workers(kind: KindProvider, machine: Machine) -> None:
    kind.up(5)
    [command] = machine.ran
    assert Path(command[command.index("--config") + 1]).read_text().count("role: worker") == 5


def test_up_when_it_is_up_runs_nothing(kind: KindProvider, machine: Machine) -> None:
    machine.clusters = ["kind", "pba-shop-1"]
    kind.up(None)
    kind.up(2)
    assert not machine.ran


def test_down_deletes_the_cluster_and_its_files(kind: KindProvider, machine: Machine) -> None:
    kind.up(None)
    kind.kubeconfig.touch()
    kind.down()
    assert machine.ran[-1][:5] == ["kind", "delete", "cluster", "--name", "pba-shop-1"]
    assert not kind.kubeconfig.exists()
    kind.down()


def test_load_puts_each_archive_on_all_nodes(kind: KindProvider, machine: Machine, tmp_path: Path) -> None:
    kind.load([tmp_path / "a.tar", tmp_path / "b.tar"])
    assert [command[:3] for command in machine.ran] == [["kind", "load", "image-archive"]] * 2
    assert machine.ran[1][3:] == [str(tmp_path / "b.tar"), "--name", "pba-shop-1"]


def test_status_tells_up_partial_and_down(kind: KindProvider, machine: Machine) -> None:
    assert kind.status().state == "down"
    kind.kubeconfig.touch()
    machine.clusters = ["pba-shop-1"]
    assert kind.status().state == "up"
    assert [node.address for node in kind.status().nodes] == ["10.0.0.0", "10.0.0.1"]
    machine.ready = ["True", "Unknown"]
    assert kind.status().state == "partial"


def test_exec_without_a_cluster_says_what_to_do(kind: KindProvider) -> None:
    with pytest.raises(ClusterError, match="hack/cluster up"):
        kind.exec(["kubectl"])


def test_logs_are_exported(kind: KindProvider, machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no cluster shop-1"):
        kind.logs(tmp_path)
    machine.clusters = ["pba-shop-1"]
    kind.logs(tmp_path)
    assert machine.ran == [["kind", "export", "logs", str(tmp_path), "--name", "pba-shop-1"]]
