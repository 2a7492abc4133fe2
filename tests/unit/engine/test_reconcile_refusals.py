"""What the API server refuses, or others undo: told, not repeated without end, and in nobody else's way."""

from __future__ import annotations

import itertools

import pytest
from pba_simulation.bench import KEY, MAP, STATUS, Bench, address, config_map

from pba_operator.domain.model import (
    Apply,
    Failure,
    Plan,
)
from pba_operator.engine.worker import Outcome
from pba_operator.kube import errors
from pba_operator.kube.store import Address


async def test_a_conflict_that_stays_is_a_failure(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def refuse(verb: str, _at: Address) -> None:
        if verb == "APPLY" and _at.kind == "ConfigMap":
            raise errors.Conflict("it always conflicts", reason="Conflict")

    bench.api.before = refuse
    outcome = await bench.reconcile()
    assert outcome.retry
    assert bench.failures == (Failure(MAP, "Conflict", "it always conflicts"),)


async def test_what_is_refused_is_told_and_the_rest_done(bench: Bench) -> None:
    bench.wants(Apply(config_map()), Apply(config_map("shop-b")))

    def refuse(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.name == "shop-a":
            raise errors.Forbidden("exceeded quota", reason="Forbidden")

    bench.api.before = refuse
    outcome = await bench.reconcile()
    assert outcome == Outcome("refused", retry=True)
    assert bench.failures == (Failure(MAP, "Forbidden", "exceeded quota"),)
    assert bench.written == ["APPLY ConfigMap/shop-b", STATUS]
    bench.api.before = lambda _verb, _at: None
    assert await bench.reconcile() == Outcome("changed")
    assert not bench.failures


async def test_a_failing_server_is_told_only_if_it_goes_on_failing(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def fail(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "ConfigMap":
            raise errors.ServerError("a webhook is away", reason="InternalError")

    bench.api.before = fail
    for _ in range(2):
        with pytest.raises(errors.ServerError):
            await bench.reconcile()
        bench.engine.queue.retry(KEY)
    assert bench.written == []
    with pytest.raises(errors.ServerError):
        await bench.reconcile()
    assert bench.failures == (Failure(MAP, "InternalError", "a webhook is away"),)
    assert bench.written == [STATUS]


async def test_a_server_that_is_away_stops_everything(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def fail(_verb: str, _at: Address) -> None:
        raise errors.Unreachable("no route")

    bench.api.before = fail
    for _ in range(5):
        with pytest.raises(errors.Unreachable):
            await bench.reconcile()
        bench.engine.queue.retry(KEY)
    assert bench.written == []


async def test_who_is_fought_is_written_to_ever_less_often(bench: Bench) -> None:
    bench.plan = lambda observed: (
        Plan() if observed.children.get(MAP, {}).get("data") == {"k": "v"} else Plan((Apply(config_map()),))
    )
    await bench.reconcile()
    times = []
    for _ in range(400):
        bench.api.patch_as("vandal", address(MAP), {"data": {"k": "vandal"}})
        bench.see_events()
        before = len(bench.written)
        outcome = await bench.reconcile()
        if len(bench.written) > before:
            times.append(bench.clock.seconds)
        else:
            assert outcome.again_after is not None
            assert outcome.again_after > 0
        bench.clock.seconds += 1
    assert len(times) < 20
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[:2] == [1, 1], "the first corrections come at once"
    assert gaps[-1] > 100
