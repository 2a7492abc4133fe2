"""What is told of a fault on nodes: nothing that failed is left out, and what nobody could help is told apart."""

from __future__ import annotations

import pytest

from pba_hack.bench.balancer.load import Load, Sent
from pba_hack.bench.balancer.nodes.counting import (
    Books,
    Moment,
    Retries,
    books,
    by_complaint,
    failed_though_safe,
    out_of_rotation,
    posts_lost,
    retries,
    stalled,
    stayed,
)

GONE = Moment(5.0, 5.1)


def sent(number: int, due: float, took: float = 0.02, method: str = "GET", status: int = 200) -> Sent:
    return Sent(number, method, due, took, status, "a" if status == 200 else "", "" if status else "timeout")


def well(count: int) -> list[Sent]:
    return [sent(number, number / 10) for number in range(count)]


def test_a_node_is_out_when_the_last_request_was_due_that_met_it() -> None:
    late, failed = sent(200, 6.25, took=0.52), sent(201, 6.0, took=10.0, status=0)
    assert out_of_rotation(Load([*well(100), late, failed]), GONE) == pytest.approx(1.25)
    assert out_of_rotation(Load([*well(100), failed]), GONE) == pytest.approx(1.0)


def test_what_was_due_before_it_went_says_nothing_of_its_rotation() -> None:
    assert out_of_rotation(Load([*well(100), sent(200, 4.99, took=2.0)]), GONE) == 0.0


def test_answers_in_time_and_well_met_no_node_that_is_gone() -> None:
    assert out_of_rotation(Load([*well(100), sent(200, 7.0, took=0.39)]), GONE) == 0.0


def test_what_is_late_together_with_all_others_says_nothing_of_a_node() -> None:
    """The machine stands still for 0.6 s at 7.0: what is due within waits until then, the less the later it is due."""
    quick = [sent(number, number / 100) for number in range(1000) if not 700 <= number < 760]
    stall = [sent(number, number / 100, took=7.615 - number / 100) for number in range(700, 760)]
    load = Load([*quick, *stall])
    assert [one.number for one in stalled(load)] == list(range(700, 722))
    assert out_of_rotation(load, GONE) == 0.0
    assert out_of_rotation(Load([*load.sent, sent(2000, 7.1, took=1.0, status=0)]), GONE) == pytest.approx(
        2.1
    )


def test_one_that_is_late_alone_met_a_node_that_is_gone() -> None:
    assert stalled(Load([sent(0, 1.0), sent(1, 6.0, took=0.52)])) == []


def test_a_third_that_is_late_is_no_stall() -> None:
    load = Load([sent(number, number / 100, took=0.52 if number % 3 == 0 else 0.02) for number in range(600)])
    assert stalled(load) == []
    assert out_of_rotation(load, GONE) == pytest.approx(0.97)


@pytest.mark.parametrize(
    ("post", "lost"),
    [
        pytest.param(sent(1, 4.9, took=2.0, method="POST", status=504), True, id="at the node when it went"),
        pytest.param(sent(1, 5.1, took=2.0, method="POST", status=504), True, id="sent while it went"),
        pytest.param(
            sent(1, 5.2, took=2.0, method="POST", status=504),
            False,
            id="sent when it was gone: reached nobody",
        ),
        pytest.param(sent(1, 1.0, took=0.1, method="POST", status=503), False, id="failed before"),
    ],
)
def test_a_post_that_failed_is_told_apart_only_if_a_node_may_have_had_it(post: Sent, *, lost: bool) -> None:
    load = Load([sent(0, 5.0), post])
    assert posts_lost(load, GONE) == ([post] if lost else [])
    assert failed_though_safe(load, GONE, 2.0) == ([] if lost else [post])


def test_a_get_that_failed_counts_whenever_it_was_sent() -> None:
    failed = [sent(1, 5.0, status=504), sent(2, 1.0, status=0), sent(3, 9.0, status=503)]
    assert failed_though_safe(Load([sent(0, 5.0), *failed]), GONE, 2.0) == failed
    assert posts_lost(Load(failed), GONE) == []


def test_a_get_that_took_longer_than_its_paths_limit_and_a_bit_counts_though_it_was_answered() -> None:
    load = Load([sent(0, 5.0, took=2.49), sent(1, 5.0, took=2.51), sent(2, 5.0, took=2.51, method="POST")])
    assert [one.number for one in failed_though_safe(load, GONE, 2.0)] == [1]


def test_books_compare_what_was_answered_with_what_was_executed() -> None:
    load = Load(
        [
            sent(0, 0.0),
            sent(1, 0.1, method="POST"),
            sent(2, 0.2, method="POST", status=504),
            sent(3, 0.3, status=0),
            sent(4, 0.4),
            sent(5, 0.5),
        ]
    )
    found = books(load, bytes([1, 2, 2, 1, 3]))
    assert found == Books(sent=6, answered=4, not_executed=1, posts_twice=2, gets_twice=1)
    assert found.wrong == 3
    assert books(Load([sent(0, 0.0)]), b"\x01").wrong == 0


def test_a_user_has_stayed_who_is_answered_by_the_node_of_before() -> None:
    nodes = ["a", "b", "a", "c", "", "c", "a", "c"]
    load = Load(
        [Sent(number, "GET", 0.0, 0.0, 200, node, "") for number, node in enumerate(nodes, start=400)]
    )
    # of the first user a, a, (none), a; of the second b, c, c, c
    assert stayed(load, 2) == 4 / 5


def metric(count: float) -> str:
    return f"# TYPE pba_sync_retries_total counter\npba_sync_retries_total {count}\nother 7\n"


def test_retries_are_those_since_the_first_look_and_all_of_pods_that_came_later() -> None:
    found = Retries()
    found.see({"a": metric(3.0), "b": metric(0.0)})
    assert found.spent == 0
    found.see({"a": metric(4.0), "c": metric(2.0)})
    found.see({"c": metric(5.0)})
    assert found.spent == 6


def test_a_sidecar_that_says_nothing_does_not_say_none() -> None:
    assert retries("pba_sync_retries_refused_total 4.0\n") is None
    found = Retries()
    found.see({"a": ""})
    with pytest.raises(ValueError, match="no sidecar"):
        _ = found.spent
    found.see({"a": metric(3.0)})
    found.see({"a": ""})
    assert found.spent == 0


def test_failures_are_told_by_what_the_client_saw() -> None:
    assert by_complaint([sent(0, 0, status=504), sent(1, 0, status=0), sent(2, 0, status=0)]) == (
        "1 x GET 504, 2 x GET timeout"
    )
    assert by_complaint([]) == "none"
