"""One command at a time changes a cluster, and the next one knows what it finds."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from pba_hack.cluster import state
from pba_hack.cluster.layout import CommonLayout
from pba_hack.cluster.state import State
from pba_hack.progress import Progress


@pytest.fixture
def layout(tmp_path: Path) -> CommonLayout:
    return CommonLayout("x", tmp_path / "state")


def quiet() -> Progress:
    return Progress(io.StringIO())


def test_what_is_written_is_read(layout: CommonLayout) -> None:
    assert state.read(layout) is None
    layout.folder.mkdir(parents=True)
    state.write(layout, State("starting", 3))
    assert state.read(layout) == State("starting", 3)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"phase": "ready"}'])
def test_a_broken_record_counts_as_none(layout: CommonLayout, text: str) -> None:
    layout.folder.mkdir(parents=True)
    layout.state.write_text(text)
    assert state.read(layout) is None


def test_the_lock_goes_away_with_the_cluster(layout: CommonLayout) -> None:
    with state.locked(layout, quiet()):
        layout.folder.mkdir()
    assert layout.lock.exists()
    with state.locked(layout, quiet()):
        layout.folder.rmdir()
    assert not layout.root.exists()


def test_the_lock_of_another_cluster_stays(layout: CommonLayout) -> None:
    other = CommonLayout("y", layout.root)
    with state.locked(other, quiet()):
        other.folder.mkdir()
    with state.locked(layout, quiet()):
        pass
    assert other.lock.exists()


def test_a_second_command_waits_even_if_the_first_removes_the_cluster(layout: CommonLayout) -> None:
    order = []
    shown = io.StringIO()
    inside, waiting = threading.Event(), threading.Event()

    class Watched(Progress):
        def say(self, text: str) -> None:
            super().say(text)
            waiting.set()

    def first() -> None:
        with state.locked(layout, quiet()):
            inside.set()
            assert waiting.wait(10)
            order.append("first")

    def second() -> None:
        assert inside.wait(10)
        with state.locked(layout, Watched(shown)):
            order.append("second")
            # A third command would find this very lock.
            assert layout.lock.exists()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert order == ["first", "second"]
    assert "another command works on the cluster x" in shown.getvalue()
