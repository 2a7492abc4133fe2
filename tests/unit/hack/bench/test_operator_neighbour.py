"""How often a neighbour must have failed: as often as the operator's own queue tries it, with its longest waits."""

from __future__ import annotations

import pytest
from pba_simulation.time import ManualClock

from pba_hack.bench.operator import neighbour
from pba_operator.engine.queue import Queue
from pba_operator.kube.store import Key


@pytest.mark.parametrize("seconds", [0.5, 2.0, 40.0, 300.0])
def test_the_least_number_of_failures_is_what_the_queue_itself_waits_at_its_longest(seconds: float) -> None:
    queue, key = Queue(ManualClock(), jitter=lambda: 1.0), Key("some", "shop")
    failures, at = 0, 0.0
    while at < seconds:
        failures += 1
        at += queue.retry(key)
    assert neighbour.least_failures(seconds) == failures


def test_a_figure_of_the_bench_is_taken_beside_several() -> None:
    assert neighbour.least_failures(neighbour.EDITS * neighbour.PACE) == 6
    assert neighbour.least_failures(neighbour.SHORT * neighbour.PACE) == 2
