"""What is left of a cluster's folder: nothing, soon, and of what lies outside of it everything."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pba_hack.cluster.local import removal

TOGETHER = 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what a cluster has: deep and empty folders, links of both kinds, files that are protected."""
    made = tmp_path / "cluster"
    for number in range(TOGETHER):
        deep = made / f"node{number}" / "snapshots" / "1" / "fs"
        deep.mkdir(parents=True)
        (deep / "file").write_text("content")
    (made / "empty").mkdir()
    return made


def test_everything_goes_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("stays")
    (folder / "to-a-folder").symlink_to(outside)
    (folder / "node0" / "to-a-file").symlink_to(outside / "file")
    (folder / "node1" / "to-nothing").symlink_to(tmp_path / "absent")
    (folder / "node2" / "same").hardlink_to(outside / "file")
    os.mkfifo(folder / "node3" / "pipe")
    (folder / "node3" / "snapshots" / "1" / "fs" / "file").chmod(0)

    removal.remove(folder)

    assert list(tmp_path.iterdir()) == [outside]
    assert (outside / "file").read_text() == "stays"


def test_files_go_many_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's removal is mostly a wait, and a cluster has tens of thousands of files."""
    barrier = threading.Barrier(TOGETHER)

    def wait_for_the_others(path: str) -> None:
        barrier.wait(10)
        Path(path).unlink()

    monkeypatch.setattr(removal, "unlink", wait_for_the_others)
    removal.remove(folder)
    assert not folder.exists()


def test_what_cannot_be_removed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(removal, "unlink", refuse)
    with pytest.raises(PermissionError, match="file"):
        removal.remove(folder)
