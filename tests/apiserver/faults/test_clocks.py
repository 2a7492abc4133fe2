"""Clocks that somebody sets, and operators whose clocks differ: durations come from a clock that nobody sets."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from pba_faults.replica import Replica
from pba_faults.trial import Trial
from pba_simulation.real import Object, eventually

from pba_operator.kube.lease import DURATION, RETRY_EVERY

TAKE_OVER = 20.0
"""Seconds after which another operator acts at the latest: a promise to the user."""
AN_HOUR = 3600.0


@pytest.mark.parametrize("days", [400, -400])
def test_stale_state_a_clock_that_is_set(trial: Trial, shop: Callable[..., Object], days: int) -> None:
    """No write follows, nothing expires, and the Lease stays."""
    trial.begin()
    trial.place.create(shop())
    trial.until(trial.is_at_rest, "ready")
    before = trial.judge.writes()
    with time_machine.travel(dt.timedelta(days=days)):
        renewed = trial.renewed()
        trial.until(lambda: trial.renewed() != renewed, "renewed")
        assert trial.judge.writes() == before
        trial.edit(application={"image": "app:2"})
        trial.catch_up(lambda: trial.image() == "app:2")
        touched = {write.target for write in trial.judge.writes()[len(before) :]}
        assert {target for target in touched if target.startswith("secrets")} == set()
        trial.assert_right()
        assert trial.operator.is_alive


def test_stale_state_operators_whose_clocks_differ(
    trial: Trial, shop: Callable[..., Object], tmp_path: Path
) -> None:
    """A Lease that was renewed in an hour is taken over as soon as another; one renewed an hour ago is held.

    The certificates are made by the one that is ahead, and accepted by the other.
    """
    with contextlib.ExitStack() as ends:

        def replica(name: str, ahead: float = 0.0) -> Replica:
            made = Replica(trial.place, name, tmp_path, ahead=ahead)
            ends.callback(made.end)
            made.start()
            return made

        ahead = replica("ahead", AN_HOUR)
        eventually(lambda: ahead.holds, "held")
        trial.place.create(shop())
        trial.until(trial.is_well, "ready")
        other = replica("other")
        ahead.freeze()
        eventually(lambda: other.holds, "taken over", TAKE_OVER)
        ahead.go_on()
        assert ahead.wait() == 1, "it ends, and does nothing more"

        third = replica("third", AN_HOUR)
        threading.Event().wait(DURATION + 2 * RETRY_EVERY)
        assert other.holds
        assert third.is_running
        trial.edit(application={"image": "app:2"})
        trial.catch_up(lambda: trial.image() == "app:2")
    trial.assert_right()
