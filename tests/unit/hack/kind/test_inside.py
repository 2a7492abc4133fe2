"""A command in `exec` is in the network of a node, where pods, Services and names are reached."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pba_hack.cluster import binaries, tools
from pba_hack.cluster.errors import ClusterError, MissingError
from pba_hack.cluster.kind import inside
from pba_hack.cluster.kind.provider import KindProvider
from pba_hack.cluster.layout import CommonLayout

CONTAINER = "pba-shop-1-control-plane"
IDENTIFIER = "4f2a" * 16
SCOPES = {
    "version 2": f"0::/system.slice/docker-{IDENTIFIER}.scope/init.scope\n",
    "version 1": f"12:pids:/docker/{IDENTIFIER}\n1:name=systemd:/docker/{IDENTIFIER}/init.scope\n",
}


class BecameError(Exception):
    """What the process would have become."""

    def __init__(self, words: Sequence[str], environment: dict[str, str]) -> None:
        super().__init__(words)
        self.words = list(words)
        self.environment = environment


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> None:
    def execvpe(_file: str, words: Sequence[str], environment: dict[str, str]) -> NoReturn:
        raise BecameError(words, environment)

    monkeypatch.setattr(os, "execvpe", execvpe)
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def running(kind: KindProvider, machine: Any) -> KindProvider:
    """A cluster that is up; our own process stands for its control plane's first one."""
    kind.up(1)
    # Instead of a container's identifier, a part of our control groups' names.
    machine.first_process = f"{Path('/proc/self/cgroup').read_text().split()[0]} {os.getpid()}"
    return kind


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """The kernel's processes: 77 is the container's."""
    (tmp_path / "proc" / "77").mkdir(parents=True)
    (tmp_path / "proc" / "77" / "cgroup").write_text(SCOPES["version 2"])
    return tmp_path / "proc"


def enter(proc: Path, pid: int) -> int:
    def ask(command: Sequence[str]) -> str:
        assert list(command[:2]) == ["docker", "inspect"]
        assert command[-1] == CONTAINER
        return f"{IDENTIFIER} {pid}\n"

    return inside.first_process(CONTAINER, CommonLayout("shop-1", Path("/kept")), ask, proc)


def test_exec_without_a_cluster_says_what_to_do(kind: KindProvider) -> None:
    with pytest.raises(ClusterError, match="no cluster shop-1: run `hack/cluster up`"):
        kind.exec(["kubectl"])


@pytest.mark.usefixtures("become")
def test_exec_becomes_the_command_in_the_network_of_the_control_plane(
    running: KindProvider, folder: Path
) -> None:
    with pytest.raises(BecameError) as became:
        running.exec(["curl", "http://shop.default"])
    words, environment = became.value.words, became.value.environment
    assert words[:2] == ["nsenter", f"--net=/proc/{os.getpid()}/ns/net"]
    assert words[-3:] == [str(folder / "resolv.conf"), "curl", "http://shop.default"]
    assert environment["PBA_CLUSTER"] == "shop-1"
    assert environment["PBA_CLUSTER_PROVIDER"] == "kind"

    assert (folder / "resolv.conf").read_text().startswith("nameserver 10.96.0.10\nsearch default.svc.")
    config = Path(environment["KUBECONFIG"])
    assert "    server: https://127.0.0.1:6443\n" in config.read_text()
    assert "39721" not in config.read_text()
    assert config.stat().st_mode & 0o077 == 0
    # From outside the port that Docker publishes stays the right one.
    assert "    server: https://127.0.0.1:39721\n" in (folder / "kubeconfig").read_text()


@pytest.mark.usefixtures("become")
def test_exec_has_the_tools_that_are_built_first_in_its_path(
    running: KindProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "built", lambda name: tmp_path / "built" / name)
    with pytest.raises(BecameError) as became:
        running.exec(["helm", "list"])
    first = Path(became.value.environment["PATH"].split(os.pathsep)[0])
    assert {link.name: link.readlink() for link in first.iterdir()} == {
        name: tmp_path / "built" / name for name in tools.TOOLS
    }
    assert "helm" in tools.TOOLS


@pytest.mark.usefixtures("become")
@pytest.mark.parametrize("version", SCOPES)
def test_the_containers_first_process_is_known_by_its_control_group(proc: Path, version: str) -> None:
    (proc / "77" / "cgroup").write_text(SCOPES[version])
    assert enter(proc, 77) == 77


@pytest.mark.usefixtures("become")
@pytest.mark.parametrize("pid", [78, 99, 0], ids=["another process", "none here", "not running"])
def test_a_process_elsewhere_is_never_taken_for_the_containers(proc: Path, pid: int) -> None:
    (proc / "78").mkdir()
    (proc / "78" / "cgroup").write_text("0::/user.slice/session-1.scope\n")
    with pytest.raises(MissingError, match=r"virtual machine .*KUBECONFIG=/kept/shop-1/kubeconfig"):
        enter(proc, pid)


def test_without_root_exec_says_so_and_how_kubectl_works_all_the_same(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingError, match=r"with sudo.*KUBECONFIG=/kept/shop-1/kubeconfig"):
        enter(proc, 77)
