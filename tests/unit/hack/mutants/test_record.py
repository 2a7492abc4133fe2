"""The record says what was asked and what was not, and keeps what people judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pba_hack.mutants import record
from pba_hack.mutants.verdicts import ENDLESS, KILLED, SURVIVED, UNTESTED, Verdict, order

ROOT = Path(__file__).resolve().parents[4]


def index(*outcomes: str | None) -> tuple[dict[str, dict[str, str]], dict[str, Verdict]]:
    """Return mutants of one function, and the verdicts of those that were asked."""
    names = [f"plan.x_plan__mutmut_{number}" for number in range(len(outcomes))]
    entry = {"module": "plan", "function": "plan.x_plan", "hash": "f"}
    mutants = {name: entry | {"change": f"- {name}\n+ None"} for name in names}
    asked = zip(names, outcomes, strict=True)
    return mutants, {name: Verdict(name, "f", "t", outcome) for name, outcome in asked if outcome}


def test_no_test_counts_as_survived_and_never_ending_as_noticed() -> None:
    table = record.figures(*index(KILLED, ENDLESS, SURVIVED, UNTESTED, None))
    assert table == {"plan": record.Figures(killed=2, asked=4, all=5)}
    assert "(1 not asked)" in record.lines(table)[0]


def test_the_sample_ends_where_the_first_was_not_asked() -> None:
    mutants, verdicts = index(*[KILLED] * 9, SURVIVED)
    assert record.sample(mutants, verdicts) == record.Figures(9, 10, 10)
    del verdicts[order(mutants)[4]]
    assert record.sample(mutants, verdicts).asked == 4


@pytest.mark.parametrize(
    ("killed", "asked", "verdict"),
    [(85, 100, "reached"), (84, 100, "missed"), (99, 99, "not complete")],
)
def test_only_a_whole_run_reaches_anything(killed: int, asked: int, verdict: str) -> None:
    assert record.verdict({"plan": record.Figures(killed, asked, 100)}) == verdict


def test_a_judgement_is_kept_with_its_change(tmp_path: Path) -> None:
    path = tmp_path / "mutants.json"
    assert record.judgements(path) == {}
    mutants, verdicts = index(SURVIVED, SURVIVED, KILLED)
    first = record.survivors(mutants, verdicts, {})
    table, fair = record.figures(mutants, verdicts), record.sample(mutants, verdicts)
    record.write(path, command="./hack/mutants", checkout=ROOT, table=table, fair=fair, left=first)
    written = json.loads(path.read_text())
    written["survivors"][0]["judged"] = "the same: it is sorted afterwards"
    path.write_text(json.dumps(written))
    again = record.survivors(mutants, verdicts, record.judgements(path))
    assert [survivor.judged for survivor in again] == ["the same: it is sorted afterwards", ""]
    assert written["together"] == {"killed": 1, "asked": 3, "all": 3}
    assert written["commit"]
    assert written["machine"]
