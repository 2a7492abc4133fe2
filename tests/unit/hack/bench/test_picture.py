"""The picture of a record: bars in proportion, the bound where it is, and only what was measured."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from pba_hack.bench import record
from pba_hack.bench.case import Case, Measured, Origin
from pba_hack.bench.picture import LEFT, LONGEST, picture
from pba_hack.bench.samples import Round, Samples, SideBySide, Values

HERE = Origin("abc", "2 x some", "2026-11-24", "./hack/bench")
SVG = "{http://www.w3.org/2000/svg}"


def panels(samples: Samples | None, reach: str = "<= 2", unit: str = "s") -> list[ET.Element]:
    """Return the panels of the picture of one case."""
    case = Case("it", unit, reach, "how <long>", lambda _trial: Measured(Values((1.0,))))
    entries = record.told([case], [record.entry(case, Measured(samples), HERE)] if samples else [])
    return ET.fromstring(picture("x", [case], entries)).findall(f"{SVG}g")  # noqa: S314 - our own


def bars(panel: ET.Element) -> list[float]:
    return [float(one.attrib["width"]) / LONGEST for one in panel.findall(f"{SVG}rect")]


def words(panel: ET.Element) -> list[str]:
    return ["".join(one.itertext()).strip() for one in panel.findall(f"{SVG}text")]


def lines(panel: ET.Element) -> list[str]:
    return [one.attrib["d"] for one in panel.findall(f"{SVG}path")]


def test_bars_are_in_proportion_and_named() -> None:
    (panel,) = panels(Values((1.0,), floor=0.5, peers={"other": 4.0}))
    assert bars(panel) == [0.25, 1.0, 0.125]
    told = words(panel)
    assert told[:2] == ["itreached (<= 2 s, n 1)", "how <long>"]
    assert told[-6:-3] == ["this project", "other", "the floor"]
    assert told[-3:] == ["1 s", "4 s", "0.5 s"]


def test_the_bound_is_where_it_is() -> None:
    (panel,) = panels(Values((1.0,), peers={"other": 4.0}))
    assert lines(panel)[0].startswith(f"M{LEFT + LONGEST / 2:.1f} ")
    assert "bound 2" in words(panel)


def test_the_worst_is_seen_beside_the_median() -> None:
    (panel,) = panels(Values((1.0, 1.0, 4.0)), "<= 2")
    begin, end = LEFT + LONGEST / 4, LEFT + LONGEST
    assert lines(panel)[1].startswith(f"M{begin:.1f} ")
    assert f"H{end:.1f}" in lines(panel)[1]


def test_a_ratio_has_its_interval_and_the_floor_is_one() -> None:
    (panel,) = panels(SideBySide([Round(0.9, 1.0, 1.25, {"other": 3.0})] * 5), "<= 2", "ratio")
    assert bars(panel) == pytest.approx([0.3, 1.0, 1 / 3], abs=0.001)


def test_nothing_at_all_is_no_bar_and_no_error() -> None:
    (panel,) = panels(Values((0.0,)), "== 0")
    assert bars(panel) == [0.0]


def test_what_was_never_measured_is_left_out() -> None:
    assert panels(None) == []
