"""`mutants`: what was not asked was not noticed; the figures keep their origin, and tell of which planner they are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pba_hack.bench.case import Measured
from pba_hack.bench.operator import mutants
from pba_hack.bench.reach import Reach
from pba_hack.bench.verdict import MISSED, REACHED, judge

REACH = Reach.parse(mutants.CASE.reach)


class Checkout:
    """A checkout with a planner of two files, and the record of its mutants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.planner = folder / mutants.PLANNER
        self.planner.mkdir(parents=True)
        for name in ("plan.py", "report.py"):
            (self.planner / name).write_text("pass")
        self.record = folder / mutants.RECORD
        self.record.parent.mkdir(parents=True)
        self.git("init", "-q")
        self.then = self.commit()

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.folder), "-c", "user.name=t", "-c", "user.email=t@t", *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")
        return self.git("rev-parse", "--short=12", "HEAD")

    def read(self, killed: int, asked: int, all_: int, *, commit: str = "") -> Measured:
        together = {"killed": killed, "asked": asked, "all": all_}
        content: dict[str, Any] = {"commit": commit or self.then, "machine": "m", "date": "d", "command": "c"}
        self.record.write_text(json.dumps({**content, "value": 0.99, "together": together}))
        return mutants.read(self.folder)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_mutants_that_were_not_asked_were_not_noticed(checkout: Checkout) -> None:
    found = checkout.read(324, 332, 7096)
    result = found.samples.result(REACH)
    assert result.value == 324 / 7096
    assert judge(REACH, result) == MISSED
    assert found.notes[1:] == ("6764 of 7096 mutants were not asked",)
    assert found.origin is not None
    assert (found.origin.commit, found.origin.command) == (checkout.then, "c")


def test_a_whole_run_reaches_what_hack_mutants_wants(checkout: Checkout) -> None:
    found = checkout.read(85, 100, 100)
    assert judge(REACH, found.samples.result(REACH)) == REACHED
    assert len(found.notes) == 1
    fewer = checkout.read(84, 100, 100)
    assert judge(REACH, fewer.samples.result(REACH)) == MISSED


def test_it_is_told_how_far_the_planner_has_gone_on_since(checkout: Checkout) -> None:
    (checkout.folder / "README").write_text("of no account")
    checkout.commit()
    assert checkout.read(100, 100, 100).notes == (
        f"of `{mutants.PLANNER}` as at {checkout.then}: the same as now",
    )
    (checkout.planner / "plan.py").write_text("other")
    (checkout.planner / "new.py").write_text("other")
    now = checkout.commit()
    (told,) = checkout.read(100, 100, 100).notes
    assert told.endswith(f"as at {checkout.then}: 2 of its files were others when this was read, at {now}")
    (checkout.planner / "report.py").unlink()
    (told,) = checkout.read(100, 100, 100).notes
    assert told.endswith(f": 3 of its files were others when this was read, at {now}-dirty")


def test_a_planner_of_a_commit_that_is_gone_is_not_taken_for_the_same(checkout: Checkout) -> None:
    (told,) = checkout.read(1, 1, 1, commit="0123456789ab").notes
    assert "git does not know" in told
