"""What the cases of faults tell of a load, in figures."""

from __future__ import annotations

import pytest

from pba_hack.bench.balancer.faults import BAD, FAULTS, Fault, Seen
from pba_hack.bench.balancer.load import Load, Sent

FAULT = Fault({"fail_share": 0.5}, 10.0, nodes=5, before=5.0, after=15.0)


def seen(*sent: tuple[float, float, int, int], hits: int = 0) -> Seen:
    """Make a load of requests: when each was due, what it took (seconds), its status and the place of its node."""
    requests = [
        Sent(number, "GET", due, took, status, str(node), "")
        for number, (due, took, status, node) in enumerate(sent)
    ]
    return Seen(FAULT, Load(requests), hits)


def figure(case: str, of: Seen) -> float:
    return FAULTS[case][1](of)


def test_hits_are_what_the_node_itself_has_counted() -> None:
    assert figure("slow-hits-1", seen((6.0, 1.0, 200, 0), hits=7)) == 7


def test_a_percentile_is_of_what_was_to_be_sent_while_the_node_was_bad() -> None:
    of = seen((4.4, 9.0, 200, 0), (4.5, 0.5, 200, 0), (14.9, 0.3, 200, 0), (15.0, 9.0, 200, 0))
    assert figure("slow-p999", of) == 500.0


def test_a_ratio_is_to_what_was_before() -> None:
    assert figure("slow5-p99", seen((1.0, 0.02, 200, 0), (6.0, 0.05, 200, 0), (20.0, 9.0, 200, 0))) == 2.5


def test_all_that_failed_counts_whenever_it_did() -> None:
    assert figure("failing", seen((1.0, 0.1, 503, 0), (6.0, 0.1, 0, 0), (7.0, 0.1, 200, 0))) == 2


def test_where_what_is_safe_is_tried_again_gets_count_and_posts_that_were_sent_twice() -> None:
    gets = [Sent(0, "GET", 6.0, 0.1, 503, "3", ""), Sent(1, "GET", 6.1, 0.1, 200, "0", "")]
    begun = [Sent(2, "POST", 6.2, 0.1, 503, "3", "")]
    assert figure("failing-retry", Seen(FAULT, Load([*gets, *begun]), 0)) == 1
    assert figure("failing-retry", Seen(FAULT, Load(begun), 0, sent_twice=2)) == 2


def test_round_robin_would_have_sent_the_node_its_fair_share() -> None:
    during = [(6.0, 0.1, 200, 0)] * 99
    # of 100 requests 20 would have been the bad node's, and half of them would have failed
    assert figure("flaky", seen(*during, (7.0, 0.1, 503, 3), (20.0, 0.1, 200, 0))) == pytest.approx(0.1)


def test_a_node_that_is_back_is_looked_at_after_its_ten_seconds() -> None:
    early = [(20.0, 0.1, 200, BAD)] * 50
    late = [(26.0, 0.1, 200, node) for node in (0, 1, 2, 3, 4, 0, 1, 2, 4, 0)]
    assert figure("recovered", seen(*early, *late)) == pytest.approx(0.5)


def test_the_short_form_has_all_parts() -> None:
    short = FAULT.shortened()
    assert (short.seconds, short.before, short.after, short.nodes) == (1.0, 1.0, 1.5, 5)


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("short", [True, False])
def test_each_case_tells_a_figure_of_a_load_without_a_flaw(case: str, short: bool) -> None:
    whole, told = FAULTS[case]
    fault = whole.shortened() if short else whole
    tenths = int((fault.end + fault.after) * 10)
    requests = [
        Sent(number, "GET", number / 10, 0.1, 200, str(number % fault.nodes), "") for number in range(tenths)
    ]
    assert told(Seen(fault, Load(requests), 0)) >= 0
