from __future__ import annotations

import logging
from typing import Any

import pytest
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.time import ManualClock

from pba_operator.engine import events as module
from pba_operator.engine.events import BURST, REFILL_SECONDS, Note, Recorder, notes
from pba_operator.engine.status import Transition
from pba_operator.kube import errors
from pba_operator.kube.store import Address

SHOP = {"metadata": {"name": "shop", "namespace": "default", "uid": "u1", "resourceVersion": "5"}}
NOTE = Note("Rollout", "2 of 3", warning=False)


def changed(type_: str, status: str, reason: str, message: str = "why") -> Transition:
    return Transition(None, {"type": type_, "status": status, "reason": reason, "message": message})


@pytest.fixture
def api() -> SimulatedApi:
    return SimulatedApi()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def recorder(api: SimulatedApi, clock: ManualClock) -> Recorder:
    return Recorder(api, clock)


def events(api: SimulatedApi) -> list[dict[str, Any]]:
    return list(api.of_kind("Event"))


async def test_an_event_names_its_cluster(recorder: Recorder, api: SimulatedApi) -> None:
    await recorder.record(SHOP, NOTE)
    (event,) = events(api)
    assert event["involvedObject"]["uid"] == "u1"
    assert event["involvedObject"]["kind"] == "PBACluster"
    assert (event["type"], event["reason"], event["message"], event["count"]) == (
        "Normal",
        "Rollout",
        "2 of 3",
        1,
    )
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-24T10:00:00Z"


async def test_the_same_again_raises_a_count(
    recorder: Recorder, api: SimulatedApi, clock: ManualClock
) -> None:
    for _ in range(3):
        await recorder.record(SHOP, NOTE)
        await clock.advance(60)
    (event,) = events(api)
    assert event["count"] == 3
    assert event["lastTimestamp"] == "2026-11-24T10:02:00Z"
    assert event["firstTimestamp"] == "2026-11-24T10:00:00Z"


async def test_after_a_restart_the_count_goes_on(api: SimulatedApi, clock: ManualClock) -> None:
    for _ in range(3):
        await Recorder(api, clock).record(SHOP, NOTE)
    (event,) = events(api)
    assert event["count"] == 3


async def test_an_event_that_has_expired_is_made_anew(recorder: Recorder, api: SimulatedApi) -> None:
    await recorder.record(SHOP, NOTE)
    api.delete_as(Address("Event", "default", events(api)[0]["metadata"]["name"]))
    await recorder.record(SHOP, NOTE)
    assert [event["count"] for event in events(api)] == [1]


async def test_another_message_is_another_event_and_another_cluster_too(
    recorder: Recorder, api: SimulatedApi
) -> None:
    await recorder.record(SHOP, NOTE)
    await recorder.record(SHOP, Note("Rollout", "3 of 3", warning=True))
    await recorder.record({"metadata": {**SHOP["metadata"], "uid": "u2"}}, NOTE)
    assert sorted(event["type"] for event in events(api)) == ["Normal", "Normal", "Warning"]


async def test_a_cluster_that_flaps_cannot_flood(
    recorder: Recorder, api: SimulatedApi, clock: ManualClock
) -> None:
    for number in range(100):
        await recorder.record(SHOP, Note("R", str(number), warning=False))
    assert len(events(api)) == BURST
    await clock.advance(2 * REFILL_SECONDS)
    for number in range(100, 200):
        await recorder.record(SHOP, Note("R", str(number), warning=False))
    assert len(events(api)) == BURST + 2
    await recorder.record({"metadata": {**SHOP["metadata"], "uid": "u2"}}, NOTE)
    assert len(events(api)) == BURST + 3


async def test_memory_is_bounded(
    api: SimulatedApi, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED_MAX", 3)
    recorder = Recorder(api, clock)
    for number in range(9):
        await recorder.record({"metadata": {**SHOP["metadata"], "uid": f"u{number}"}}, NOTE)
    assert len(recorder._counts) == len(recorder._allowances) == 3


@pytest.mark.parametrize(
    "error", [errors.Forbidden("no"), errors.ServerError("away"), errors.TimedOut("late")]
)
async def test_an_event_that_cannot_be_written_stops_nothing(
    recorder: Recorder, api: SimulatedApi, error: errors.ApiError, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_verb: str, _at: Address) -> None:
        raise error

    api.before = fail
    await recorder.record(SHOP, NOTE)
    assert events(api) == []
    assert [record.message for record in caplog.records] == ["event not written"]


async def test_who_may_not_write_is_stopped_here_too(recorder: Recorder, api: SimulatedApi) -> None:
    def fence(_verb: str, _at: Address) -> None:
        raise errors.Fenced("lost")

    api.before = fence
    with pytest.raises(errors.Fenced):
        await recorder.record(SHOP, NOTE)


def test_ready_and_paused_are_told_and_the_parts_speak_through_ready() -> None:
    told = notes(
        [
            changed("DatabaseReady", "False", "X"),
            changed("Ready", "True", "AllPartsReady", ""),
            changed("Paused", "True", "P"),
        ]
    )
    assert told == [
        Note("AllPartsReady", "Ready is True.", warning=False),
        Note("P", "why", warning=False),
    ]


def test_what_stalls_is_told_once_and_as_a_warning() -> None:
    told = notes([changed("Ready", "False", "NoImage"), changed("Stalled", "True", "NoImage")])
    assert told == [Note("NoImage", "why", warning=True)]
    assert notes([changed("Reconciling", "True", "X")]) == []


async def test_a_namespace_on_its_way_out_is_nothing_to_warn_of(
    recorder: Recorder, api: SimulatedApi, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_verb: str, _at: Address) -> None:
        raise errors.NamespaceTerminating("no")

    api.before = fail
    await recorder.record(SHOP, NOTE)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
