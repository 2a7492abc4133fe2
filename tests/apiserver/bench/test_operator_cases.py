"""The cases of `hack/bench operator` measure what they say, with real processes, once and briefly."""

from __future__ import annotations

import threading

import pytest
from pba_faults.replica import Replica
from pba_simulation.real import Namespace, eventually

from pba_hack.bench.case import Trial
from pba_hack.bench.operator.idle_writes import NotAliveError, await_rest, idle
from pba_hack.bench.operator.stage import replicas, settle
from pba_hack.bench.operator.takeover import takeovers


def test_a_takeover_ends_with_the_other_one_acting(place: Namespace, trial: Trial) -> None:
    with replicas(place, trial, "one", "other") as (one, other):
        settle(place, "shop")
        measured = takeovers(place, (one, other), Replica.stop, 1, trial)
        assert other.holds
        assert one.is_running, "started again, for the next round"
        assert not one.holds
        [seconds] = measured.samples.raw()["figures"]
        # the reach is the bench's; here only that it is a time: the machine may be busy
        assert 0 < seconds < 30


def test_idle_counts_what_is_written_and_only_a_living_operator_is_idle(
    place: Namespace, trial: Trial
) -> None:
    with replicas(place, trial, "operator") as (operator,):
        settle(place, "shop-0")
        assert idle(place, operator, 4.0, rest=2.0) == []
        eventually(lambda: place.get("Service", "shop-0-backend"))
        await_rest(place, operator, 2.0)
        vandal = threading.Timer(1.5, lambda: place.delete("Service", "shop-0-backend"))
        vandal.start()
        written = idle(place, operator, 8.0, rest=0.0)
        vandal.join()
        assert any("services/shop-0-backend" in one for one in written)
        operator.crash()
        with pytest.raises(NotAliveError, match="renewed 0 times"):
            idle(place, operator, 3.0, rest=0.5)
