"""What commands in a cluster find first: the same for each provider, and what was built last."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.cluster import binaries, tools


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """What is in the cache, by name; nothing at first."""
    programs: dict[str, Path] = {}
    monkeypatch.setattr(binaries, "built", programs.get)
    return programs


def test_what_is_built_is_linked_and_what_is_not_is_left_to_the_machine(
    built: dict[str, Path], tmp_path: Path
) -> None:
    built["kubectl"] = tmp_path / "kubernetes-1" / "kubectl"
    tools.link(tmp_path / "bin")
    assert [path.name for path in (tmp_path / "bin").iterdir()] == ["kubectl"]


def test_what_is_built_later_or_anew_is_linked_by_the_next_command(
    built: dict[str, Path], tmp_path: Path
) -> None:
    built["kubectl"] = tmp_path / "kubernetes-1" / "kubectl"
    tools.link(tmp_path / "bin")
    built["kubectl"] = tmp_path / "kubernetes-2" / "kubectl"
    built["helm"] = tmp_path / "helm-1" / "helm"
    tools.link(tmp_path / "bin")
    tools.link(tmp_path / "bin")
    assert {link.name: link.readlink() for link in (tmp_path / "bin").iterdir()} == built


def test_all_of_them_can_be_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PBA_CACHE", str(tmp_path))
    assert [binaries.built(name) for name in tools.TOOLS] == [None] * len(tools.TOOLS)
