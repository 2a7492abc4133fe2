"""`crash-points`: what the tests have counted is read from their JUnit file; who has not counted shows nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.bench.operator import crash_points
from pba_hack.bench.operator.crash_points import NothingShownError
from pba_hack.bench.reach import Reach
from pba_hack.bench.verdict import MISSED, REACHED, judge

REACH = Reach.parse(crash_points.CASE.reach)


def junit(folder: Path, *cases: str) -> Path:
    path = folder / "junit.xml"
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return path


def case(name: str, **figures: int) -> str:
    properties = "".join(f'<property name="{key}" value="{value}"/>' for key, value in figures.items())
    return f'<testcase name="{name}"><properties>{properties}</properties></testcase>'


def test_points_of_all_scenarios_count(tmp_path: Path) -> None:
    found = crash_points.count(
        junit(tmp_path, case("up", visited=3, existing=3), case("down", visited=1, existing=2))
    )
    assert found == {"up": (3, 3), "down": (1, 2)}
    measured = crash_points.together(found, failed=True)
    assert measured.samples.raw() == {"part": 4, "whole": 5, "asked": None}
    assert measured.notes == ("up: 3 of 3", "down: 1 of 2")
    assert judge(REACH, measured.samples.result(REACH)) == MISSED


def test_only_all_points_reach_it() -> None:
    measured = crash_points.together({"up": (3, 3)}, failed=False)
    assert judge(REACH, measured.samples.result(REACH)) == REACHED


@pytest.mark.parametrize("cases", [(), (case("up"),), (case("up", visited=1),), (case("up", existing=1),)])
def test_what_has_not_counted_shows_nothing(tmp_path: Path, cases: tuple[str, ...]) -> None:
    with pytest.raises(NothingShownError, match=r"junit\.xml"):
        crash_points.count(junit(tmp_path, *cases))


def test_a_failure_elsewhere_is_not_passed_over() -> None:
    with pytest.raises(NothingShownError, match="yet a test has failed"):
        crash_points.together({"up": (3, 3)}, failed=True)
