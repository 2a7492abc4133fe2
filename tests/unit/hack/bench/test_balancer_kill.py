"""What the cases of a killed node tell of a load: of requests that may be sent again, and of who had to move."""

from __future__ import annotations

from pba_hack.bench.balancer.kill import KILLED, Seen, failed, longest, strays
from pba_hack.bench.balancer.load import Load, Sent, posts_executed_twice

LOAD = Load(
    [
        Sent(0, "GET", 0.0, 0.02, 200, "0", ""),
        Sent(1, "GET", 0.1, 0.30, 502, "", ""),
        Sent(2, "GET", 0.2, 0.40, 0, "", "closed"),
        Sent(3, "POST", 0.3, 9.0, 502, "", ""),
    ]
)


def test_posts_that_were_under_way_are_not_counted() -> None:
    assert failed(Seen(LOAD, 0)) == 2


def test_a_post_that_was_sent_twice_is_as_bad_as_a_get_that_failed() -> None:
    assert posts_executed_twice(LOAD, bytes([2, 2, 2, 1])) == 0
    assert posts_executed_twice(LOAD, bytes([1, 1, 1, 2])) == 1
    assert posts_executed_twice(LOAD, bytes([1, 1, 1])) == 0
    assert failed(Seen(LOAD, 1)) == 3


def test_what_failed_is_told_by_method() -> None:
    told = "2 of 3 GETs failed; 1 of 1 POSTs failed, 0 were executed twice"
    assert LOAD.told_by_method(0) == told


def test_one_that_failed_has_taken_its_time_too() -> None:
    assert longest(Seen(LOAD, 0)) == 0.4


def test_a_client_strays_when_it_leaves_a_node_that_lives() -> None:
    def left(*nodes: str) -> Load:
        return Load([Sent(place, "GET", 0.0, 0.02, 200, "7", "", node) for place, node in enumerate(nodes)])

    assert strays(left("", "")) == 0
    assert strays(left("0", "", "1")) == 2
    assert strays(left(str(KILLED), "", str(KILLED))) == 0
