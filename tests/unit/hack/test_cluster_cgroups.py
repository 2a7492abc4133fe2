"""Control groups of both versions, on a folder that stands for the kernel's."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.cgroups import Groups


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    for hierarchy in ("cpu,cpuacct", "memory", "cpuset"):
        (tmp_path / hierarchy).mkdir()
    (tmp_path / "cpu").symlink_to("cpu,cpuacct")
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0\n")
    return tmp_path


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    return tmp_path


def test_version_1_has_a_group_in_every_hierarchy_once(version_1: Path) -> None:
    entrances = Groups("pba-x", version_1).make("node1")
    assert sorted(map(str, entrances)) == sorted(
        str(version_1 / hierarchy / "pba-x" / "node1" / "cgroup.procs")
        for hierarchy in ("cpu,cpuacct", "memory", "cpuset")
    )


def test_version_1_gives_a_new_cpuset_processors_and_memory(version_1: Path) -> None:
    # The kernel makes these files, empty, with each new group.
    group = version_1 / "cpuset" / "pba-x" / "node1"
    group.mkdir(parents=True)
    for folder in (group.parent, group):
        (folder / "cpuset.cpus").write_text("\n")
        (folder / "cpuset.mems").write_text("\n")
    Groups("pba-x", version_1).make("node1")
    assert (group / "cpuset.cpus").read_text() == "0-1\n"
    assert (group / "cpuset.mems").read_text() == "0\n"


def test_version_2_has_one_group_and_delegates_its_controllers(version_2: Path) -> None:
    [entrance] = Groups("pba-x", version_2).make("hub")
    assert entrance == version_2 / "pba-x" / "hub" / "cgroup.procs"
    assert (version_2 / "cgroup.subtree_control").read_text() == "+pids"


def test_version_2_moves_a_nodes_own_processes_out_of_the_way(version_2: Path) -> None:
    groups = Groups("pba-x", version_2)
    [entrance] = groups.make("node1")
    entrance.write_text(f"{os.getpid()}\n")
    groups.settle("node1")
    assert (entrance.parent / "system" / "cgroup.procs").read_text() == str(os.getpid())


def test_version_1_needs_no_settling(version_1: Path) -> None:
    groups = Groups("pba-x", version_1)
    groups.make("node1")
    groups.settle("node1")
    assert not list(version_1.glob("*/pba-x/node1/system"))


def test_members_are_counted_with_and_without_pods(version_1: Path) -> None:
    groups = Groups("pba-x", version_1)
    for entrance in groups.make("node1"):
        entrance.write_text("11\n12\n")
    pod = version_1 / "memory" / "pba-x" / "node1" / "kubepods"
    pod.mkdir()
    (pod / "cgroup.procs").write_text("13\n")
    assert groups.processes("node1", below=False) == {11, 12}
    assert groups.processes() == {11, 12, 13}
    assert groups.processes("node2") == set()


def test_what_is_left_of_a_cluster_shows(version_1: Path) -> None:
    groups = Groups("pba-x", version_1)
    assert not groups.exists()
    groups.make("hub")
    assert groups.exists()
    assert not Groups("pba-y", version_1).exists()


def test_removal_takes_the_innermost_first(version_2: Path) -> None:
    groups = Groups("pba-x", version_2)
    (version_2 / "pba-x" / "node1" / "kubepods" / "pod").mkdir(parents=True)
    groups.remove()
    assert not (version_2 / "pba-x").exists()


def test_only_members_are_killed(version_1: Path) -> None:
    groups = Groups("pba-x", version_1)
    [entrance, *_] = groups.make("hub")
    with subprocess.Popen(["sleep", "60"]) as member, subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            entrance.write_text(f"{member.pid}\n")
            groups.send_signal({member.pid, stranger.pid}, signal.SIGKILL, "hub")
            assert member.wait(10) == -signal.SIGKILL
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_what_does_not_end_is_an_error(version_1: Path) -> None:
    groups = Groups("pba-x", version_1)
    [entrance, *_] = groups.make("hub")
    with subprocess.Popen(["sleep", "60"]) as member:
        entrance.write_text(f"{member.pid}\n")
        # This folder is no kernel: the member stays listed after its end.
        with pytest.raises(ClusterError, match=f"{member.pid}"):
            groups.kill(seconds=0.1)


def test_a_group_that_stays_busy_is_an_error(version_2: Path) -> None:
    groups = Groups("pba-x", version_2)
    (version_2 / "pba-x" / "hub").mkdir(parents=True)
    (version_2 / "pba-x" / "hub" / "held").touch()
    with pytest.raises(ClusterError, match="hub is still in use"):
        groups.remove(seconds=0)
