"""The picture over time: lines to scale, named, and only of what was measured."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from pba_hack.bench import record
from pba_hack.bench.case import Case, Measured, Origin
from pba_hack.bench.samples import Chart, Series, Values
from pba_hack.bench.timeline import ACROSS, HIGH, LEFT, ceiling, tick, timeline

HERE = Origin("abc", "2 x some", "2026-11-24", "./hack/bench")
SVG = "{http://www.w3.org/2000/svg}"
CASE = Case("it", "changes", "== 2", "how <often>", lambda _trial: Measured(Values((1.0,))))
SERIES = Series([0.0, 1.0, 2.0, 4.0], [Chart("weight", {"the node": [128, 0, 0, 64], "others": [128] * 4})])


def panels(*samples: Values) -> list[ET.Element]:
    """Return the panels of the picture of one case, measured again and again."""
    entries = record.told([CASE], [record.entry(CASE, Measured(one), HERE) for one in samples])
    drawn = timeline("x", [CASE], entries)
    return ET.fromstring(drawn).findall(f"{SVG}g") if drawn else []  # noqa: S314 - our own


def test_there_is_none_of_what_was_not_kept() -> None:
    assert panels() == []
    assert panels(Values((1.0,))) == []


def test_series_are_the_same_after_the_record() -> None:
    raw = SERIES.raw()
    assert raw["seconds"] == "0 1 2 4"
    assert Series.read(raw).raw() == raw
    assert Values((2.0,), series=raw).raw() == {"figures": [2.0], "series": raw}


def test_lines_are_to_scale_and_the_one_that_it_is_about_is_on_top() -> None:
    (panel,) = panels(Values((2.0,), series=SERIES.raw()))
    *_, others, node = (one.attrib["d"] for one in panel.findall(f"{SVG}path"))
    top = float(others.partition(" ")[2].partition("L")[0])
    # what goes on as it was has no point of its own
    assert others == f"M{LEFT:.1f} {top:.1f}L{LEFT + ACROSS:.1f} {top:.1f}"
    assert [float(part.partition(" ")[2]) - top for part in node[1:].split("L")] == [0, HIGH, HIGH, HIGH / 2]
    assert [float(part.partition(" ")[0]) - LEFT for part in node[1:].split("L")] == [
        pytest.approx(ACROSS * share, abs=0.1) for share in (0, 0.25, 0.5, 1)
    ]


def test_what_is_seen_is_named() -> None:
    (panel,) = panels(Values((2.0,), series=SERIES.raw()))
    words = [" ".join("".join(one.itertext()).split()) for one in panel.findall(f"{SVG}text")]
    assert words[:3] == ["itreached (== 2 changes, n 1)", "how <often>", "weight:the node others"]
    assert words[3:] == ["0", "64", "128", "0 s", "1", "2", "3", "4"]


def test_the_newest_measurement_counts() -> None:
    assert panels(Values((2.0,), series=SERIES.raw()), Values((2.0,))) == []


@pytest.mark.parametrize(
    ("most", "end"), [(0, 1), (0.7, 1), (1.2, 2), (50, 50), (128, 128), (200, 200), (201, 500)]
)
def test_a_scale_ends_at_a_round_number(most: float, end: float) -> None:
    assert ceiling(most) == end


@pytest.mark.parametrize(("end", "step"), [(3, 1), (60, 10), (80, 10), (500, 60), (1000, 300)])
def test_there_are_ten_times_at_most(end: float, step: int) -> None:
    assert tick(end) == step
