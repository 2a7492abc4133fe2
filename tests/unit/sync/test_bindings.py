"""Which nodes bound clients leave."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pba_sync.haproxy.commands import FULL_WEIGHT, RING_WEIGHT
from pba_sync.judging.bindings import Bound, Reason, follow, left, ring_weights
from pba_sync.judging.outliers import Standings
from pba_sync.judging.pasts import KINDS, End, Ends
from pba_sync.judging.phases import Mark

LIMIT = 5000.0
OUT = frozenset({"b", "c"})
IN = OUT | {"bad"}
WELL = End(20.0)
FAILED = End(-1.0, failed=True)


def standings(failed: int = 0) -> Standings:
    marks = {name: Mark(0.0, 0.0) for name in IN}
    return Standings(marks, ends=Ends(1000, (failed,) * KINDS))


def after(*looks: tuple[Sequence[End], frozenset[str]]) -> dict[str, Bound]:
    """Return what is known after these looks, of each the ends of the node `bad` and who serves."""
    known: dict[str, Bound] = {}
    for ends, serving in looks:
        known = follow(known, {"bad": ends, "b": [WELL], "c": [WELL]}, serving, LIMIT)
    return known


def test_a_node_that_was_put_out_for_failures_is_left() -> None:
    known = after(([WELL] * 20, IN), ([FAILED] * 5, OUT))
    assert left(known, standings(), LIMIT) == {"bad": Reason.FAILS}


def test_a_node_that_fails_is_not_left_before_it_is_out() -> None:
    known = after(([FAILED] * 20, IN))
    assert left(known, standings(), LIMIT) == {}


def test_failures_that_all_nodes_have_are_no_reason() -> None:
    known = after(([WELL, FAILED] * 10, OUT))
    assert left(known, standings(failed=500), LIMIT) == {}


@pytest.mark.parametrize(("milliseconds", "reasons"), [(LIMIT, {}), (LIMIT + 1, {"bad": Reason.SLOW})])
def test_a_node_that_is_out_because_it_is_late_is_left_beyond_the_limit(
    milliseconds: float, reasons: dict[str, Reason]
) -> None:
    known = after(([WELL] * 20, IN), ([End(milliseconds)] * 2, OUT))
    assert left(known, standings(), LIMIT) == reasons


def test_a_node_whose_pages_are_too_long_is_left_though_its_pictures_are_quick() -> None:
    pictures = [WELL] * 9
    known: dict[str, Bound] = {}
    for _ in range(7):
        ended = {"bad": [*pictures, End(LIMIT + 1)], "b": [*pictures, WELL], "c": [*pictures, WELL]}
        known = follow(known, ended, OUT, LIMIT)
    assert left(known, standings(), LIMIT) == {"bad": Reason.SLOW}
    everywhere = {name: [*pictures, End(LIMIT + 1)] * 7 for name in IN}
    assert left(follow({}, everywhere, OUT, LIMIT), standings(), LIMIT) == {}


def test_a_slow_node_is_not_left_before_it_is_out() -> None:
    known = after(([End(LIMIT * 2)] * 5, IN))
    assert left(known, standings(), LIMIT) == {}


def test_one_long_answer_says_nothing() -> None:
    known = after(([End(100.0)] * 5, OUT), ([End(LIMIT * 10)], OUT))
    assert left(known, standings(), LIMIT) == {}


def test_what_bound_clients_get_of_a_node_that_is_out_goes_on_to_count() -> None:
    late = after(([End(100.0)] * 2, OUT), ([FAILED], OUT), ([FAILED] * 5, OUT))
    assert left(late, standings(), LIMIT) == {"bad": Reason.FAILS}
    slower = after(([End(100.0)] * 2, OUT), ([End(LIMIT + 1)], OUT), ([End(LIMIT + 1)], OUT))
    assert left(slower, standings(), LIMIT) == {"bad": Reason.SLOW}
    faster = after(([End(LIMIT + 1)] * 2, OUT), ([End(100.0)] * 2, OUT))
    assert left(faster, standings(), LIMIT) == {}


def test_it_stays_left_while_nobody_comes() -> None:
    known = after(([FAILED] * 5, OUT), *[([], OUT)] * 50)
    assert left(known, standings(), LIMIT) == {"bad": Reason.FAILS}


def test_a_node_that_serves_again_begins_anew() -> None:
    back = after(([FAILED] * 20, OUT), ([], IN))
    assert left(back, standings(), LIMIT) == {}
    late = follow(back, {"bad": [End(100.0)] * 2, "b": [], "c": []}, OUT, LIMIT)
    assert left(late, standings(), LIMIT) == {}


def test_a_node_that_goes_is_left_if_it_fails() -> None:
    known = after(([FAILED] * 5, OUT))
    known_to_serve = Standings({name: Mark(0.0, 0.0) for name in ("b", "c")}, ends=Ends(1000))
    assert left(known, known_to_serve, LIMIT) == {"bad": Reason.FAILS}


def test_a_node_that_hangs_is_left_once_it_is_out() -> None:
    hangs = {"bad"}
    assert left(after(([], OUT)), standings(), LIMIT, hangs) == {"bad": Reason.SLOW}
    assert left(after(([], OUT)), standings(), LIMIT) == {}
    assert left(after(([], IN)), standings(), LIMIT, hangs) == {}


def test_where_nobody_else_serves_nobody_is_left() -> None:
    known = follow({}, {"bad": [FAILED] * 20}, (), LIMIT)
    assert left(known, Standings({}), LIMIT) == {}


def test_a_node_that_haproxy_has_lost_for_a_moment_stays_left() -> None:
    known = after(([FAILED] * 5, OUT))
    lost = follow(known, {"b": [WELL], "c": [WELL]}, OUT, LIMIT, absent={"bad"})
    back = follow(lost, {"bad": [], "b": [WELL], "c": [WELL]}, OUT, LIMIT)
    assert left(back, standings(), LIMIT) == {"bad": Reason.FAILS}


def test_a_node_that_is_not_reached_any_more_is_forgotten() -> None:
    known = after(([FAILED] * 5, OUT))
    assert "bad" not in follow(known, {"b": [], "c": []}, OUT, LIMIT)


def test_on_the_ring_a_node_that_is_out_keeps_its_clients_unless_it_is_left() -> None:
    weights = {"late": 0, "bad": 0, "well": FULL_WEIGHT}
    before = dict.fromkeys(weights, RING_WEIGHT)
    assert ring_weights(weights, {"bad"}, before) == {"late": RING_WEIGHT, "bad": 0, "well": RING_WEIGHT}


def test_on_the_ring_a_node_that_was_left_comes_back_step_by_step() -> None:
    share, seen = 0, []
    for weight in range(FULL_WEIGHT // 8, FULL_WEIGHT + 1, FULL_WEIGHT // 8):
        share = ring_weights({"back": weight}, (), {"back": share})["back"]
        seen.append(share)
    assert seen == [2, 4, 6, 8, 10, 12, 14, RING_WEIGHT]


def test_on_the_ring_a_node_that_has_kept_its_clients_goes_on_with_all_of_them() -> None:
    assert ring_weights({"late": 16}, (), {"late": RING_WEIGHT}) == {"late": RING_WEIGHT}


def test_on_the_ring_a_node_that_is_out_again_while_it_comes_back_stays_where_it_is() -> None:
    assert ring_weights({"late": 0}, (), {"late": 4}) == {"late": 4}
    assert ring_weights({"late": 0}, (), {"late": 0}) == {"late": 0}, (
        "it was left, and is not proved well yet"
    )
