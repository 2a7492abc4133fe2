"""Progress lines and the times that are kept; programs and their logs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pba_hack.progress import CommandFailedError, Progress, run


def ticking(*times: float) -> Iterator[float]:
    yield from times


def test_a_step_is_timed_and_kept(tmp_path: Path) -> None:
    times = ticking(0.0, 1.0, 3.5, 4.0)
    shown = io.StringIO()
    progress = Progress(shown, lambda: next(times))
    with progress.step("work", announce=True):
        pass
    progress.save(tmp_path / "times.json")
    assert shown.getvalue().splitlines() == ["  ... work", "   ok work (2.5 s)"]
    kept = json.loads((tmp_path / "times.json").read_text())
    assert kept == {"seconds": 4.0, "steps": [{"title": "work", "seconds": 2.5}]}


def test_a_failed_step_says_so_and_is_not_kept() -> None:
    shown = io.StringIO()
    progress = Progress(shown)
    with pytest.raises(ValueError, match="broken"), progress.step("work"):
        raise ValueError("broken")
    assert shown.getvalue().startswith(" FAIL work")
    assert not progress.steps


def test_a_program_writes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "made" / "run.log"
    run(["sh", "-c", "echo out; echo $GREETING >&2"], log=log, env={"GREETING": "hello"}, cwd=tmp_path)
    assert log.read_text().splitlines()[-2:] == ["out", "hello"]


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=r"status 3.*\n.*the reason"):
        run(["sh", "-c", "echo the reason; exit 3"], log=tmp_path / "run.log")


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="no-such-program"):
        run(["no-such-program"], log=tmp_path / "run.log")
