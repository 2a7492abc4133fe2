from __future__ import annotations

import asyncio
import datetime as dt
import time

import pytest

from pba_operator.kube.clock import SystemClock, timestamp


async def test_the_machine_s_time() -> None:
    clock = SystemClock()
    before = clock.now()
    called = asyncio.Event()
    clock.call_later(0.001, called.set)
    await clock.sleep(0.001)
    await asyncio.wait_for(called.wait(), 5)
    assert clock.now() > before
    assert clock.utc().tzinfo is dt.UTC


def test_a_time_is_written_as_kubernetes_writes_it() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    assert timestamp(dt.datetime(2026, 11, 24, 12, 0, 7, 999, tzinfo=zone)) == "2026-11-24T10:00:07Z"


def test_durations_do_not_follow_the_machine_s_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sets the date: what is measured stays right, whatever the calendar says."""
    clock = SystemClock()
    before = clock.now()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 86400.0)
    assert 0 <= clock.now() - before < 60
