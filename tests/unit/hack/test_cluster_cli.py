"""What `hack/cluster` tells of a cluster that is there, and of one that is not."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from pba_hack.cluster import binaries, cli, state, tools
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import creation, machine, provider
from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.provider import LocalProvider
from pba_hack.cluster.provider import NodeStatus, Status
from pba_hack.cluster.state import State
from pba_hack.progress import Progress

UP = Status(
    "x",
    "local",
    "up",
    (NodeStatus("node1", "172.30.0.11", ready=True, pid=7, start_time=1),),
    kubeconfig="/state/x/kubeconfig",
    audit_log="/state/x/log/audit.log",
    logs="/state/x/log",
    network_policies="enforced",
)


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """The folder of the cluster `x`, of which nothing is there; the machine has all that it needs."""
    made = Layout("x", tmp_path / "state")
    monkeypatch.setattr(provider, "Layout", lambda _: made)
    monkeypatch.setattr(machine, "check", lambda _: None)
    monkeypatch.setattr(machine, "check_root", lambda: None)
    monkeypatch.setattr(machine, "install_packages", lambda _: None)
    monkeypatch.setattr(binaries, "binary", lambda name, _: tmp_path / name)
    return made


def test_status_shows_all_that_a_person_or_a_program_looks_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Known:
        def status(self) -> Status:
            return UP

    monkeypatch.setattr(cli, "_provider", lambda *_: Known())
    assert cli.main(["status"]) == 0
    text = capsys.readouterr().out
    assert "node1 172.30.0.11 Ready" in text
    for path in (UP.kubeconfig, UP.audit_log, UP.logs):
        assert f" {path}\n" in text
    assert "  NetworkPolicies: enforced\n" in text


def test_logs_of_no_cluster_are_refused_and_no_folder_is_made(layout: Layout, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    with pytest.raises(ClusterError, match=r"there is no cluster x.*`hack/cluster up`"):
        LocalProvider(layout.name, Progress(io.StringIO())).logs(folder)
    assert not folder.exists()


def test_exec_has_the_tools_that_are_built_first_in_its_path(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[dict[str, str]] = []
    monkeypatch.setattr(provider, "first_process", lambda *_: 7)
    monkeypatch.setattr(binaries, "built", lambda name: tmp_path / name)
    monkeypatch.setattr(os, "execvpe", lambda *words: became.append(words[2]))
    layout.folder.mkdir(parents=True)

    LocalProvider(layout.name, Progress(io.StringIO())).exec(["helm", "list"])

    [environment] = became
    assert environment["PATH"].split(os.pathsep)[0] == str(layout.bin)
    assert {link.name for link in layout.bin.iterdir()} == set(tools.TOOLS)


@pytest.mark.parametrize(("asked", "told"), [(2, True), (3, False), (None, False)])
def test_up_with_fewer_nodes_than_there_are_says_that_they_stay(
    layout: Layout, shown: io.StringIO, monkeypatch: pytest.MonkeyPatch, asked: int | None, told: bool
) -> None:
    completed = []
    monkeypatch.setattr(provider, "first_process", lambda *_: 7)
    monkeypatch.setattr(creation, "complete", lambda *arguments: completed.append(arguments[3]))
    layout.folder.mkdir(parents=True)
    state.write(layout, State("ready", 3))

    LocalProvider(layout.name, Progress(shown)).up(asked)

    assert completed == [3]
    assert ("has 3 nodes and keeps them: for 2, take it down first" in shown.getvalue()) is told
