"""Watches that break: each as a real API server, or the network before it, breaks them.

Bug class: unobserved state (Sieve). What was not seen while a watch was broken is caught up with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from pba_faults.proxy import Road
from pba_faults.script import Refuse, Silence
from pba_faults.trial import Trial
from pba_simulation.real import Object, eventually

from pba_hack.apiserver import ApiServer
from pba_hack.audit import AuditLog
from pba_operator.engine import health
from pba_operator.kube import kinds
from pba_operator.kube.streams import NOBODY
from pba_operator.shell import registry

BREAKS: dict[str, Callable[[Road], object]] = {
    "ended": lambda road: road.do(lambda proxy: proxy.events.end()),
    "410 Gone": lambda road: road.do(lambda proxy: proxy.events.expire()),
    "connections reset": lambda road: road.do(lambda proxy: proxy.abort()),
    "429 at the next watch": lambda road: _refuse_and_end(road, Refuse(429, retry_after=1)),
    "500 at the next watch": lambda road: _refuse_and_end(road, Refuse(500)),
    "403 at the next watch": lambda road: _refuse_and_end(road, Refuse(403)),
}


def _refuse_and_end(road: Road, fault: Refuse) -> None:
    road.rule(fault, lambda exchange: exchange.verb == "WATCH", times=12)
    road.do(lambda proxy: proxy.events.end())


@pytest.mark.parametrize("how", BREAKS)
def test_unobserved_state_a_broken_watch_is_caught_up_with(settled: Trial, how: str) -> None:
    settled.road.do(lambda proxy: proxy.events.hold())
    settled.edit(application={"image": "app:2"})
    settled.place.delete("Service", "shop-backend")
    BREAKS[how](settled.road)
    settled.road.do(lambda proxy: proxy.events.release())
    settled.catch_up(lambda: settled.image() == "app:2", lambda: settled.place.get("Service", "shop-backend"))
    settled.assert_right()


def test_unobserved_state_a_dead_watch_that_says_nothing(
    trial: Trial, shop: Callable[..., Object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte, no end: the promise is counted from the moment at which silence is taken for death."""
    monkeypatch.setattr(registry, "SILENCE_SECONDS", 2.0)
    trial.begin()
    trial.place.create(shop())
    trial.until(trial.is_well, "ready")
    trial.road.do(lambda proxy: proxy.events.mute())
    trial.edit(application={"image": "app:2"})
    trial.place.delete("Service", "shop-backend")
    trial.catch_up(lambda: trial.image() == "app:2", lambda: trial.place.get("Service", "shop-backend"))
    trial.assert_right()


def test_unobserved_state_a_start_lists_each_kind_once_and_misses_nothing_until_its_watch_begins(
    settled: Trial, api_server: ApiServer
) -> None:
    """kopf's watch goes on from our listing: what happens between the two is seen, and nothing is read twice."""
    settled.operator.stop()
    log = AuditLog(api_server.audit_log)
    refused = settled.road.rule(
        Refuse(503), lambda exchange: (exchange.verb, exchange.kind) == ("WATCH", "Service"), times=math.inf
    )
    settled.begin()
    eventually(lambda: refused.met, "kopf wants to watch")
    settled.place.delete("Service", "shop-backend")
    settled.road.clear()
    settled.catch_up(lambda: settled.place.get("Service", "shop-backend"))
    questions: dict[str, list[str]] = {}
    for entry in log.entries():
        if entry["verb"] == "list" and entry.get("userAgent") == "pba-operator":
            query = parse_qs(urlsplit(entry["requestURI"]).query)
            about = query.get("fieldSelector", ["everything"])[0]
            questions.setdefault(entry["objectRef"]["resource"], []).append(about)
    wanted = {kind.plural: ["everything", NOBODY] for kind in kinds.WATCHED}
    assert {kind: questions.get(kind) for kind in wanted} == wanted


def test_unobserved_state_a_watch_that_stays_dead_is_told_by_the_probes(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one kind nothing comes, however often its watch is begun anew: not ready, and then worth a restart."""
    monkeypatch.setattr(registry, "SILENCE_SECONDS", 2.0)
    monkeypatch.setattr(health, "STALE_AFTER", 6.0)
    monkeypatch.setattr(health, "DEAD_AFTER", 9.0)
    trial.begin()
    eventually(trial.is_passing, "well")
    trial.road.rule(
        Silence(), lambda exchange: (exchange.verb, exchange.kind) == ("WATCH", "Pod"), times=math.inf
    )
    trial.road.do(lambda proxy: proxy.events.mute())
    _tells(trial, "readyz", r"nothing has been heard of the watch of Pod for \d+ s")
    _tells(trial, "healthz", r"the watch of Pod has been dead for \d+ s")
    trial.road.clear()
    trial.get_well()
    assert trial.operator.is_alive


def test_unobserved_state_a_watch_that_is_refused_for_ever_is_told(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SILENCE_SECONDS", 2.0)
    monkeypatch.setattr(health, "STALE_AFTER", 6.0)
    trial.begin()
    eventually(trial.is_passing, "well")
    trial.road.rule(
        Refuse(403), lambda exchange: (exchange.verb, exchange.kind) == ("WATCH", "Pod"), times=math.inf
    )
    trial.road.do(lambda proxy: proxy.events.end())
    _tells(trial, "readyz", r"nothing has been heard of the watch of Pod for \d+ s")
    trial.road.clear()
    trial.get_well()


def _tells(trial: Trial, probe: str, pattern: str) -> None:
    """Wait until a probe fails with this text, and no other beside it."""

    def told() -> bool:
        status, text = trial.probe(probe)
        return status == 503 and re.fullmatch(pattern, text) is not None

    eventually(told, f"{probe} tells it")


def test_intermediate_state_what_kopf_takes_for_fatal_ends_the_process_cleanly(settled: Trial) -> None:
    """An error event that is not 410: the next process goes on at once."""
    settled.road.do(lambda proxy: proxy.events.fail())
    eventually(lambda: settled.operator.code is not None or not settled.operator.is_alive, "the process ends")
    settled.edit(application={"image": "app:2"})
    settled.begin()
    settled.catch_up(lambda: settled.image() == "app:2")
    settled.assert_right()
