"""Clocks that somebody sets, and operators whose clocks differ: durations come from a clock that nobody sets."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.real import eventually

from pba_operator.kube.clock import SystemClock
from pba_operator.kube.lease import DURATION, RETRY_EVERY

TAKE_OVER = 20.0
"""Seconds after which another operator acts at the latest: a promise to the user."""
AN_HOUR = dt.timedelta(hours=1)


class SetClock(SystemClock):
    """The machine's time, but somebody sets the calendar."""

    def __init__(self, ahead: dt.timedelta = dt.timedelta()) -> None:
        self.ahead = ahead

    def utc(self) -> dt.datetime:
        return super().utc() + self.ahead


@pytest.mark.parametrize("days", [400, -400])
def test_stale_state_a_clock_that_is_set(trial: Any, shop: Callable[..., Any], days: int) -> None:
    """No write follows, nothing expires, and the Lease stays."""
    clock = SetClock()
    trial.begin(clock=clock)
    trial.place.create(shop())
    trial.until(trial.is_well, "ready")
    trial.until(trial.is_idle, "at rest")
    before = trial.judge.writes()
    clock.ahead = dt.timedelta(days=days)
    renewed = trial.place.get("Lease", "pba-operator")["spec"]["renewTime"]
    trial.until(lambda: trial.place.get("Lease", "pba-operator")["spec"]["renewTime"] != renewed, "renewed")
    assert trial.judge.writes() == before
    trial.edit(application={"image": "app:2"})
    trial.catch_up(lambda: trial.image() == "app:2")
    touched = {write.target for write in trial.judge.writes()[len(before) :]}
    assert {target for target in touched if target.startswith("secrets")} == set()
    trial.assert_right()
    assert trial.operator.is_alive


def test_stale_state_operators_whose_clocks_differ(
    trial: Any, shop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Lease that was renewed in an hour is taken over as soon as another; one renewed an hour ago is held."""
    ahead = trial.begin(clock=SetClock(AN_HOUR))
    trial.place.create(shop())
    trial.until(trial.is_well, "ready")
    monkeypatch.setenv("KUBECONFIG", str(trial.place.server.kubeconfig))  # the others are never cut off
    other = trial.join()
    trial.road.do(lambda proxy: proxy.down(silently=True))
    eventually(lambda: other.leads, "taken over", TAKE_OVER)
    assert not ahead.is_alive, "two act"

    third = trial.join(clock=SetClock(AN_HOUR))
    threading.Event().wait(DURATION + 2 * RETRY_EVERY)
    assert other.leads
    assert third.is_alive
    assert not third.leads, "two act"
    trial.edit(application={"image": "app:2"})
    trial.catch_up(lambda: trial.image() == "app:2")
    trial.assert_right()
