"""The chart: bars in proportion, with the bound among them, and who measured."""

from __future__ import annotations

import pytest

from pba_hack.bench import record
from pba_hack.bench.case import Case, Measured, Origin
from pba_hack.bench.chart import WIDTH, chart, figure
from pba_hack.bench.samples import Round, Samples, SideBySide, Values

HERE = Origin("abc", "2 x some", "2026-11-24", "./hack/bench")


def lines(samples: Samples, reach: str = "<= 2") -> dict[str, int]:
    """Return the length of each bar."""
    case = Case("it", "s", reach, "how long", lambda _trial: Measured(samples))
    text = chart([case], [record.entry(case, Measured(samples), HERE)])
    rows = [line.split() for line in text.splitlines() if line.rstrip().endswith(" s")]
    return {" ".join(row[:-3]) if "#" in row[-3] else row[0]: row[-3].count("#") for row in rows}


def test_bars_are_in_proportion_to_the_longest() -> None:
    found = lines(Values((1.0,), floor=0.5, peers={"other": 4.0}))
    assert found == {"value": 10, "worst": 10, "other": WIDTH, "floor": 5, "bound": 20}


def test_a_little_is_seen_and_nothing_is_not() -> None:
    assert lines(Values((0.001,)), "<= 100")["value"] == 1
    assert lines(Values((0.0,)), "== 0") == {"value": 0, "worst": 0, "bound": 0}


def test_the_control_and_the_origin_are_told() -> None:
    samples = SideBySide([Round(1.0, 1.0, 1.25)] * 5)
    case = Case("it", "ratio", "<= 2", "how much", lambda _trial: Measured(samples))
    text = chart([case], [record.entry(case, Measured(samples), HERE)])
    assert "the floor to itself (A/A): 1.25 to 1.25" in text
    assert text.startswith("it: reached (n 5, reach <= 2)\n  how much\n")
    assert text.endswith("  abc, 2026-11-24, 2 x some")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "s", "-"), (0.0, "", "0"), (16.04321, "s", "16.04 s"), (0.0456595, "share", "0.04566 share")],
)
def test_figures_for_people(value: float | None, unit: str, text: str) -> None:
    assert figure(value, unit) == text
