"""`mutants`: what was not asked was not noticed, and the figures keep the origin that their record says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pba_hack.bench.operator import mutants
from pba_hack.bench.reach import Reach
from pba_hack.bench.verdict import MISSED, REACHED, judge

REACH = Reach.parse(mutants.CASE.reach)


def written(path: Path, **together: int) -> Path:
    content: dict[str, Any] = {"commit": "old", "machine": "m", "date": "d", "command": "c", "value": 0.99}
    path.write_text(json.dumps({**content, "together": together}))
    return path


def test_mutants_that_were_not_asked_were_not_noticed(tmp_path: Path) -> None:
    found = mutants.read(written(tmp_path / "r.json", killed=324, asked=332, all=7096))
    result = found.samples.result(REACH)
    assert result.value == 324 / 7096
    assert judge(REACH, result) == MISSED
    assert found.notes == ("6764 of 7096 mutants were not asked",)
    assert found.origin is not None
    assert (found.origin.commit, found.origin.command) == ("old", "c")


def test_a_whole_run_reaches_what_hack_mutants_wants(tmp_path: Path) -> None:
    found = mutants.read(written(tmp_path / "r.json", killed=85, asked=100, all=100))
    assert judge(REACH, found.samples.result(REACH)) == REACHED
    assert found.notes == ()
    fewer = mutants.read(written(tmp_path / "r.json", killed=84, asked=100, all=100))
    assert judge(REACH, fewer.samples.result(REACH)) == MISSED
