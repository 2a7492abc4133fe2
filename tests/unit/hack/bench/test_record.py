"""The record is added to and never rewritten; the line for programs has the shape that was agreed; the page follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pba_hack.bench import record
from pba_hack.bench.case import Case, Measured, Origin
from pba_hack.bench.page import over_time_file, page
from pba_hack.bench.reach import Reach
from pba_hack.bench.registry import NAMES, cases
from pba_hack.bench.samples import Round, Samples, Share, SideBySide, Values
from pba_hack.bench.timeline import timeline

ROOT = Path(__file__).resolve().parents[4]
HERE = Origin("abc", "2 x some", "2026-11-24T12:00:00+00:00", "./hack/bench operator --case ratio")
OLD = Origin("old", "an old one", "2025-01-01T00:00:00+00:00", "./hack/mutants")
RATIO = SideBySide([Round(1.08 + 0.01 * number, 1.0, 1.0, {"other": 1.3}) for number in range(5)])


def case(name: str = "ratio", reach: str = "<= 1.15") -> Case:
    return Case(name, "ratio", reach, "something / its floor", lambda _trial: Measured(RATIO))


def entry(name: str = "ratio", samples: Samples = RATIO, **options: Any) -> record.Entry:
    return record.entry(case(name), Measured(samples, **options), HERE)


def test_an_entry_says_what_came_of_it_and_where() -> None:
    new = entry(notes=("beside other work",))
    assert new["value"] == 1.1
    assert (new["worst"], new["n"], new["floor"], new["peers"]) == (1.12, 5, 1.0, {"other": 1.3})
    assert (new["verdict"], new["between"]) == ("reached", [1.08, 1.12])
    assert new["control"] == {"low": 1.0, "high": 1.0, "confidence": 0.9375}
    assert (new["commit"], new["command"]) == ("abc", HERE.command)
    assert new["samples"]["rounds"][0]["peers"] == {"other": 1.3}
    assert new["notes"] == ["beside other work"]


def test_what_an_older_record_holds_keeps_its_origin() -> None:
    new = entry("ratio", Share(1, 2), origin=OLD)
    assert (new["commit"], new["machine"], new["date"]) == ("old", OLD.machine, OLD.date)


def test_a_record_is_added_to_and_the_newest_counts(tmp_path: Path) -> None:
    file = tmp_path / "measurements" / "bench-x.json"
    assert record.read(file) == []
    first, second = entry(), entry("other")
    third = {**entry(), "date": "2026-11-25"}
    for new in (first, second, third):
        record.append(file, "x", new)
    assert record.read(file) == [first, second, third]
    assert record.newest(record.read(file), "ratio") == third
    assert record.newest(record.read(file), "unheard of") is None
    assert list(file.parent.iterdir()) == [file]


def test_the_same_figures_of_an_older_record_are_kept_once(tmp_path: Path) -> None:
    file = tmp_path / "bench-x.json"
    old = entry("share", Share(1, 2), origin=OLD)
    for _ in range(2):
        record.append(file, "x", old)
    assert record.read(file) == [old]
    between = record.append(file, "x", entry("share", Share(2, 2), origin=OLD))
    assert len(between) == 2
    assert len(record.append(file, "x", old)) == 3


def test_the_line_for_programs_has_the_agreed_shape() -> None:
    text = record.line("operator", [entry()], "abc", "2 x some")
    assert "\n" not in text
    found = json.loads(text)
    assert {key: found[key] for key in ("bench", "commit", "machine")} == {
        "bench": "operator",
        "commit": "abc",
        "machine": "2 x some",
    }
    assert found["cases"] == [
        {
            "id": "ratio",
            "value": 1.1,
            "unit": "ratio",
            "reach": "<= 1.15",
            "verdict": "reached",
            "n": 5,
            "worst": 1.12,
            "floor": 1.0,
            "peers": {"other": 1.3},
            "commit": "abc",
            "machine": "2 x some",
            "date": HERE.date,
        }
    ]


def test_a_case_that_was_never_measured_says_so_and_has_no_value() -> None:
    told = record.told([case(), case("other")], [entry("other")])
    assert [one["verdict"] for one in told] == ["not measured", "reached"]
    found = json.loads(record.line("operator", told, "abc", "m"))["cases"]
    assert (found[0]["value"], found[0]["n"]) == (None, 0)
    assert set(found[0]) == set(found[1]) - {"commit", "machine", "date"}


def test_the_page_tells_the_newest_and_what_was_before() -> None:
    first = {**entry("ratio", Values((9.0,))), "commit": "first"}
    text = page("operator", [case(), case("other")], [first, entry()])
    assert "| `ratio` | something / its floor | 1.1 ratio | 1.12 | 5 | <= 1.15 | reached |" in text
    assert "| `other` | something / its floor | - | - | 0 | <= 1.15 | not measured |" in text
    assert "The floor to itself (A/A): 1 to 1; the figure lies between 1.08 and 1.12." in text
    assert "Peers: other 1.3 ratio." in text
    assert text.index("## Before") < text.index("9 ratio, worst 9, n 1: missed (<= 1.15); `first`")


def test_figures_of_another_edition_are_told_as_what_was_before() -> None:
    """Nothing that was measured otherwise is shown as if it were of the case as it is now."""
    first = {key: value for key, value in entry().items() if key != "edition"}
    anew = replace(case(), edition=2)
    assert record.told([case()], [first]) == [first], "what is from before editions is of the first"
    [told] = record.told([anew], [first])
    assert (told["value"], told["verdict"]) == (None, "not measured")
    text = page("operator", [anew], [first])
    assert "| `ratio` | something / its floor | - | - | 0 | <= 1.15 | not measured |" in text
    assert "(<= 1.15); `abc`, 2026-11-24T12:00:00+00:00; something else than the case measures now" in text
    second = record.entry(anew, Measured(RATIO), HERE)
    assert record.told([anew], [second, first]) == [second]
    assert "something else" not in page("operator", [anew], [second, second])


@pytest.mark.parametrize("bench", NAMES)
def test_the_committed_page_is_made_from_the_committed_record(bench: str) -> None:
    file = record.path(ROOT, bench)
    entries = record.read(file)
    assert file.with_suffix(".md").read_text() == page(bench, cases(bench), entries)
    over_time = file.parent / over_time_file(bench)
    drawn = over_time.read_text() if over_time.exists() else None
    assert drawn == timeline(bench, cases(bench), record.told(cases(bench), entries))


@pytest.mark.parametrize("bench", NAMES)
def test_cases_are_whole_and_no_two_have_one_name(bench: str) -> None:
    found = cases(bench)
    assert len({one.id for one in found}) == len(found)
    for one in found:
        assert Reach.parse(one.reach)
        assert one.unit
        assert one.measures


@pytest.mark.parametrize("bench", NAMES)
def test_the_committed_record_is_of_clean_trees(bench: str) -> None:
    assert [one["id"] for one in record.read(record.path(ROOT, bench)) if "dirty" in one["commit"]] == []
