"""The bench's own cluster: brought up under a name of its own, and taken down whatever a case came to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pba_hack import checkout, provision
from pba_hack.bench.balancer.nodes import outside
from pba_hack.bench.case import Measured, Trial
from pba_hack.bench.samples import Values
from pba_hack.progress import Progress

COMMAND = """#!/bin/sh
echo "$PBA_CLUSTER_PROVIDER $PBA_CLUSTER: ${0##*/} $1" >> "${0%/*}/calls"
case "$1" in
build) shift; printf '%s localhost/it:2 /it.tar\\n' "$@" ;;
exec) [ ! -e "${0%/*}/fails" ] || exit 1
    echo '{"figures": [1.0], "peers": {}, "notes": ["noted"]}' > "${0%/*}/found.json" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are that stand in for ours; `fails` in it makes the half inside fail."""
    for name in ("cluster", "images"):
        (tmp_path / name).write_text(COMMAND)
        (tmp_path / name).chmod(0o755)
    for module in (checkout, provision, outside):
        monkeypatch.setattr(module, "HACK", tmp_path)
    monkeypatch.setenv("PBA_CLUSTER", "somebodys")
    monkeypatch.setenv("PBA_CLUSTER_PROVIDER", "kind")
    monkeypatch.setattr(outside, "binary", Path)
    return tmp_path


def calls(folder: Path) -> list[str]:
    called = (folder / "calls").read_text().splitlines()
    # nobody else's cluster, and one whose machines can crash
    assert {line.partition(": ")[0] for line in called} == {f"local {outside.NAME}"}
    return [line.partition(": ")[2] for line in called]


def test_a_case_is_measured_on_a_cluster_of_the_benchs_own(folder: Path) -> None:
    found = outside.on_cluster("module", "case", Trial(folder, Progress()))
    assert found == Measured(Values([1.0]), ("noted",))
    ups = ["cluster up", "images build", "cluster load", "cluster binary"]
    assert calls(folder) == [*ups, "cluster exec", "cluster down"]


def test_a_cluster_on_which_something_failed_leaves_its_logs_and_goes(folder: Path) -> None:
    (folder / "fails").touch()
    with pytest.raises(subprocess.CalledProcessError):
        outside.on_cluster("module", "case", Trial(folder, Progress()))
    assert calls(folder)[-3:] == ["cluster exec", "cluster logs", "cluster down"]
