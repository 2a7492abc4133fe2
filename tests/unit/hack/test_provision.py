"""What the demo and the tests on nodes begin with: which commands, in which order, in which environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack import provision

COMMAND = """#!/bin/sh
echo "$PBA_CLUSTER_PROVIDER: ${0##*/} $*" >> "${0%/*}/calls"
[ "$1" != build ] || printf '%s localhost/it:2 /a folder/it.tar\n' "$2" "$3"
[ "$1" != list ] || echo '[{"name": "mysql", "reference": "localhost/mysql:1", "tar": "/mysql.tar"}]'
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was called, of commands that stand in for ours."""
    for name in ("cluster", "images"):
        (tmp_path / name).write_text(COMMAND)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(provision, "HACK", tmp_path)
    monkeypatch.setenv("PBA_CLUSTER_PROVIDER", "kind")
    return tmp_path / "calls"


@pytest.mark.parametrize("environment", [None, {"PBA_CLUSTER_PROVIDER": "local", "PATH": "/usr/bin:/bin"}])
def test_every_command_asks_the_same_provider(calls: Path, environment: dict[str, str] | None) -> None:
    assert provision.provision(["helm"], environment) == {"mysql": "localhost/mysql:1"}
    provider = "local" if environment else "kind"
    assert calls.read_text().splitlines() == [
        f"{provider}: cluster up",
        f"{provider}: images list --json",
        f"{provider}: cluster load /mysql.tar",
        f"{provider}: cluster binary helm",
    ]


def test_images_that_are_named_are_built_and_no_others(calls: Path) -> None:
    made = provision.provision(["helm"], images=("sync", "loadlab"))
    assert made == {"sync": "localhost/it:2", "loadlab": "localhost/it:2"}
    assert calls.read_text().splitlines() == [
        "kind: cluster up",
        "kind: images build sync loadlab",
        "kind: cluster load /a folder/it.tar /a folder/it.tar",
        "kind: cluster binary helm",
    ]
