"""The commands that the kind provider would run; Docker itself is not here."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from pba_hack.cluster import binaries
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.kind import provider
from pba_hack.cluster.kind.provider import KindProvider
from pba_hack.progress import Progress

CLUSTER = "pba-shop-1"


def test_up_creates_a_control_plane_and_three_workers(kind: KindProvider, machine: Any) -> None:
    kind.up(None)
    assert len(machine.did("kind", "create", "cluster", "--name", CLUSTER)) == 1
    assert [name.rpartition("-")[2] for name in machine.nodes[CLUSTER]] == [
        "plane",
        "worker0",
        "worker1",
        "worker2",
    ]


def test_up_takes_another_number_of_workers(kind: KindProvider, machine: Any) -> None:
    kind.up(5)
    assert len(machine.nodes[CLUSTER]) == 1 + 5


def test_nodes_are_of_the_kubernetes_that_all_is_tried_on(kind: KindProvider, machine: Any) -> None:
    kind.up(None)
    [command] = machine.did("kind", "create")
    image = command[command.index("--image") + 1]
    tried = binaries.KUBERNETES.rpartition(".")[0]
    # Only a digest names a build for this release of kind.
    assert re.fullmatch(rf"kindest/node:v{re.escape(tried)}\.\d+@sha256:[0-9a-f]{{64}}", image)


def test_nodes_can_be_of_another_image(
    kind: KindProvider, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(provider.NODE_IMAGE_VARIABLE, "mirror/node:v1.35.8")
    kind.up(None)
    [command] = machine.did("kind", "create")
    assert command[command.index("--image") + 1] == "mirror/node:v1.35.8"


@pytest.mark.parametrize("workers", [1, 3])
def test_the_kubelet_is_told_to_run_on_control_groups_of_version_1(
    kind: KindProvider, folder: Path, workers: int
) -> None:
    kind.up(workers)
    configuration = yaml.safe_load((folder / "kind.yaml").read_text())
    [patch] = configuration["kubeadmConfigPatches"]
    assert yaml.safe_load(patch) == {"kind": "KubeletConfiguration", "failCgroupV1": False}
    assert len(configuration["nodes"]) == 1 + workers


def test_a_cluster_without_workers_is_refused(kind: KindProvider, machine: Any) -> None:
    with pytest.raises(ClusterError, match="at least 1 node, not 0"):
        kind.up(0)
    assert not machine.ran


@pytest.mark.parametrize(("asked", "told"), [(None, False), (3, False), (2, True), (4, True)])
def test_up_when_it_is_up_keeps_the_nodes_and_says_so_to_who_wants_others(
    kind: KindProvider, machine: Any, said: io.StringIO, asked: int | None, told: bool
) -> None:
    kind.up(None)
    kind.up(asked)
    assert len(machine.did("kind", "create")) == 1
    assert len(machine.nodes[CLUSTER]) == 1 + 3
    assert (f"shop-1 has 3: for {asked}, take it down first" in said.getvalue()) is told


def test_up_starts_nodes_that_are_stopped(kind: KindProvider, machine: Any) -> None:
    kind.up(None)
    machine.stopped = set(machine.nodes[CLUSTER])
    kind.up(None)
    assert kind.status().state == "up"
    assert len(machine.did("kind", "create")) == 1


def test_up_waits_until_nodes_that_it_has_started_say_themselves_that_they_are_ready(
    kind: KindProvider, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_USABLE_SECONDS", 0.2)
    kind.up(None)
    machine.stopped = set(machine.nodes[CLUSTER])
    machine.silent = {f"{CLUSTER}-worker1"}
    with pytest.raises(ClusterError, match=f"still not: all nodes of {CLUSTER} Ready"):
        kind.up(None)
    assert [node.ready for node in kind.status().nodes] == [True, True, False, True]


def test_up_returns_when_all_nodes_are_ready(
    kind: KindProvider, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_USABLE_SECONDS", 0.2)
    machine.silent = {f"{CLUSTER}-worker1"}
    with pytest.raises(ClusterError, match=f"still not: all nodes of {CLUSTER} Ready"):
        kind.up(None)


@pytest.mark.parametrize("names", [{}, {"replicas": 2, "unavailableReplicas": 2}, {"availableReplicas": 0}])
def test_up_does_not_return_before_coredns_is_available(
    kind: KindProvider, machine: Any, monkeypatch: pytest.MonkeyPatch, names: dict[str, int]
) -> None:
    monkeypatch.setattr(provider, "_USABLE_SECONDS", 0.2)
    machine.names = names
    with pytest.raises(ClusterError, match=r"still not: .* and CoreDNS available"):
        kind.up(None)
    assert kind.status().state == "partial"


def test_up_returns_when_one_of_those_that_answer_names_does(
    kind: KindProvider, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "_USABLE_SECONDS", 0.2)
    machine.names = {"replicas": 2, "availableReplicas": 1, "unavailableReplicas": 1}
    kind.up(None)
    assert kind.status().state == "up"


def test_up_clears_away_what_a_killed_up_has_left(make: Any, machine: Any, said: io.StringIO) -> None:
    def killed() -> None:
        raise KeyboardInterrupt

    machine.on_create = killed
    with pytest.raises(KeyboardInterrupt):
        make().up(None)
    assert make().status().state == "partial"

    machine.on_create = lambda: None
    make().up(None)
    assert "what is left of an earlier shop-1 is cleared away" in said.getvalue()
    assert [command[1] for command in machine.did("kind")] == ["create", "delete", "create"]
    assert make().status().state == "up"


def test_up_finds_a_cluster_again_whose_files_are_lost(
    kind: KindProvider, machine: Any, folder: Path
) -> None:
    kind.up(None)
    for file in folder.iterdir():
        file.unlink()
    assert kind.status().state == "partial"
    kind.up(None)
    assert kind.status().state == "up"
    assert len(machine.did("kind", "create")) == 1
    assert not machine.did("kind", "delete")


def test_of_two_up_at_once_one_waits_and_finds_the_cluster_of_the_other(
    make: Any, machine: Any, said: io.StringIO
) -> None:
    creating, waiting = threading.Event(), threading.Event()

    class Watched(Progress):
        def say(self, text: str) -> None:
            super().say(text)
            if "waiting" in text:
                waiting.set()

    def create() -> None:
        creating.set()
        assert waiting.wait(10)

    machine.on_create = create
    first = threading.Thread(target=make().up, args=(None,))
    first.start()
    assert creating.wait(10)
    make(Watched(said)).up(None)
    first.join(20)

    assert "another command works on the cluster shop-1: waiting for it" in said.getvalue()
    assert len(machine.did("kind", "create")) == 1
    assert not machine.did("kind", "delete")
    assert make().status().state == "up"


def test_down_deletes_the_cluster_and_its_files(kind: KindProvider, machine: Any, folder: Path) -> None:
    kind.up(None)
    assert folder.exists()
    kind.down()
    assert machine.did("kind", "delete", "cluster", "--name", CLUSTER)
    assert not folder.parent.exists()
    kind.down()


def test_load_puts_each_archive_on_all_nodes(kind: KindProvider, machine: Any, tmp_path: Path) -> None:
    kind.load([tmp_path / "a.tar", tmp_path / "b.tar"])
    assert [command[:3] for command in machine.ran] == [["kind", "load", "image-archive"]] * 2
    assert machine.ran[1][3:] == [str(tmp_path / "b.tar"), "--name", CLUSTER]


def test_status_tells_up_partial_and_down(kind: KindProvider, machine: Any, folder: Path) -> None:
    assert kind.status().state == "down"
    kind.up(1)
    assert kind.status().state == "up"
    assert kind.status().kubeconfig == str(folder / "kubeconfig")
    assert [node.address for node in kind.status().nodes] == ["172.18.0.0", "172.18.0.1"]
    machine.stopped = {f"{CLUSTER}-worker0"}
    assert [node.ready for node in kind.status().nodes] == [True, False]
    assert kind.status().state == "partial"


def test_status_of_a_cluster_whose_api_server_is_away_is_partial_and_says_why(
    kind: KindProvider, machine: Any, said: io.StringIO
) -> None:
    kind.up(1)
    machine.stopped = set(machine.nodes[CLUSTER])
    assert kind.status().state == "partial"
    assert "127.0.0.1:39721 was refused" in said.getvalue()


def test_logs_are_exported(kind: KindProvider, machine: Any, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no cluster shop-1"):
        kind.logs(tmp_path)
    kind.up(None)
    kind.logs(tmp_path)
    assert machine.ran[-1] == ["kind", "export", "logs", str(tmp_path), "--name", CLUSTER]
