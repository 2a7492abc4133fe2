"""The API server goes away, and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pba_faults.kubelet import Kubelet
from pba_faults.trial import Trial
from pba_simulation.real import Object, eventually

from pba_operator.engine import health
from pba_operator.kube.lease import RENEW_DEADLINE
from pba_operator.shell import registry

LONG = 120.0
"""Far longer than the holder of the Lease survives."""
assert LONG > RENEW_DEADLINE
SHORT = 4.0
"""Seconds that a holder of the Lease survives."""


def _pass(seconds: float) -> None:
    """Let the fault last: its length is what the test is about."""
    threading.Event().wait(seconds)


def test_error_state_an_api_server_that_is_away_for_seconds(settled: Trial) -> None:
    settled.road.do(lambda proxy: proxy.down())
    settled.edit(application={"image": "app:2"})
    settled.place.delete("Service", "shop-backend")
    _pass(SHORT)
    settled.road.clear()
    settled.catch_up(lambda: settled.image() == "app:2", lambda: settled.place.get("Service", "shop-backend"))
    assert settled.operator.is_alive
    settled.assert_right()


def test_error_state_an_api_server_that_is_away_costs_readiness_and_no_restart(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does not know what became of the cluster is not ready; nothing heals sooner by a restart."""
    monkeypatch.setattr(registry, "SILENCE_SECONDS", 1.0)
    for limit in ("STALE_AFTER", "DEAD_AFTER"):
        monkeypatch.setattr(health, limit, SHORT)
    trial.begin()
    eventually(trial.is_passing, "well")
    trial.road.do(lambda proxy: proxy.down())
    eventually(lambda: trial.probe("readyz")[0] == 503, "not ready", RENEW_DEADLINE - 1)
    assert trial.probe("healthz") == (200, "ok")
    trial.road.clear()
    trial.get_well()
    assert trial.operator.is_alive


def test_error_state_an_api_server_that_is_away_for_longer_than_the_lease(
    trial: Trial, shop: Callable[..., Object], tmp_path: Path
) -> None:
    """The process ends (somebody else might act by now), is started again, and has nobody to wait for."""
    kubelet = Kubelet(trial.place, trial.road.kubeconfig, tmp_path / "operator.log")
    kubelet.start()
    try:
        trial.place.create(shop())
        trial.until(trial.is_well, "ready", 60)
        trial.road.do(lambda proxy: proxy.down(silently=True))
        trial.edit(application={"image": "app:2"})
        trial.place.delete("Service", "shop-backend")
        _pass(LONG)
        assert kubelet.ends == [1], (tmp_path / "operator.log").read_text()
        trial.road.clear()
        trial.catch_up(lambda: trial.image() == "app:2", lambda: trial.place.get("Service", "shop-backend"))
    finally:
        kubelet.stop()
    trial.assert_right()
