"""What is counted of weights over time, and how a scenario goes."""

from __future__ import annotations

import pytest

from pba_hack.bench.balancer.weights import BAD, NODES, SCENARIOS, Point, changes, drawn, shares, told

FULL = [128] * NODES


def look(weight: int, place: int = BAD) -> list[int]:
    return [weight if one == place else full for one, full in enumerate(FULL)]


def point(seconds: float, *requests: int, weights: list[int] = FULL) -> Point:
    return Point(seconds, 1.0, weights, requests)


def test_once_out_and_once_back_is_two_changes_however_slowly_it_rises() -> None:
    assert changes([FULL, look(0), look(0), look(16), look(64), FULL]) == 2


def test_other_nodes_count_as_well() -> None:
    assert changes([FULL, look(0, 5), look(0, 5), FULL]) == 2
    assert changes([FULL, look(0), FULL, look(0), FULL]) == 4


def test_what_never_changes_is_no_change() -> None:
    assert changes([FULL] * 3) == changes([FULL]) == changes([]) == 0


def test_a_share_is_of_the_last_second_in_fair_parts() -> None:
    points = [point(0.0, 0, 0), point(0.5, 10, 10), point(1.0, 20, 20), point(1.5, 20, 40)]
    assert shares(points) == [[1, 1], [1, 1], [1, 1], [pytest.approx(0.5), pytest.approx(1.5)]]


def test_a_run_is_told_with_the_part_that_the_node_got() -> None:
    requests = [[0] * NODES, [10] * NODES]
    points = [Point(place, 1.0, FULL, counts) for place, counts in enumerate(requests)]
    assert told([FULL, look(0), look(0)], points).startswith(
        "1 goings and comings, least weight of the others 128 of"
    )


def test_all_that_is_drawn_has_the_same_moments() -> None:
    points = [Point(place / 4, 1.0, FULL, [place] * NODES) for place in range(9)]
    for beside in (points, points[:5], [*points, *points]):
        series = drawn(points, beside)
        assert {len(line) for chart in series.charts for line in chart.lines.values()} == {
            len(series.seconds)
        }


@pytest.mark.parametrize("case", SCENARIOS)
def test_a_node_is_well_before_and_after(case: str) -> None:
    for scenario in (SCENARIOS[case], SCENARIOS[case].shortened()):
        middle = scenario.before + scenario.seconds / 2
        assert scenario.at(scenario.before - 0.01) == scenario.at(scenario.before + scenario.seconds) == 1.0
        assert scenario.at(middle) == pytest.approx(SCENARIOS[case].at(5.0 + SCENARIOS[case].seconds / 2))
        assert scenario.at(middle) > 2.0
