"""What the cases of a killed node tell of a load: of requests that may be sent again, and of those alone."""

from __future__ import annotations

from pba_hack.bench.balancer.kill import failed, longest
from pba_hack.bench.balancer.load import Load, Sent

LOAD = Load(
    [
        Sent(0, "GET", 0.0, 0.02, 200, "0", ""),
        Sent(1, "GET", 0.1, 0.30, 502, "", ""),
        Sent(2, "GET", 0.2, 0.40, 0, "", "closed"),
        Sent(3, "POST", 0.3, 9.0, 502, "", ""),
    ]
)


def test_posts_that_were_under_way_are_not_counted() -> None:
    assert failed(LOAD) == 2


def test_one_that_failed_has_taken_its_time_too() -> None:
    assert longest(LOAD) == 0.4
