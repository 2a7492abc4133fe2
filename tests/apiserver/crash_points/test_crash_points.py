"""Intermediate state (Sieve): the operator is ended at its k-th write, for every k, and begun again.

The writes are counted in the audit log of a real API server. The end is the same as undisturbed: nothing doubled,
nothing lost. Examples elsewhere: rabbitmq-operator#782, percona-server-mongodb#578, casskop#370.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pba_faults.judge import Judge
from pba_faults.life import life
from pba_faults.picture import differences, picture
from pba_simulation.real import Namespace, Object, pbacluster

AT_ONCE = 4
"""Namespaces that are worked on at the same time."""
BACKEND = {"replicas": 2}
FRONTEND = {"image": "haproxy:3"}

Step = Callable[[Namespace], object]
Places = Callable[[], tuple[Namespace, Judge]]


def _create(**spec: Any) -> Step:
    whole = {"backend": BACKEND, "frontend": FRONTEND, **spec}
    return lambda place: place.create(pbacluster(**whole))


def _edit(**spec: Any) -> Step:
    return lambda place: place.patch("PBACluster", "shop", {"spec": spec})


def _none(_place: Namespace) -> None:
    """Begin with nothing."""


SCENARIOS: dict[str, tuple[Step, Step]] = {
    "first roll-out": (_none, _create()),
    "scale up": (_create(), _edit(backend={"replicas": 5})),
    "scale down": (_create(), _edit(backend={"replicas": 1})),
    "image change": (_create(), _edit(application={"image": "app:2"})),
    "a field removed": (
        _create(application={"image": "app:1", "env": [{"name": "LOCALE", "value": "de"}]}),
        _edit(application={"env": None}),
    ),
    "deletion": (
        _create(deletionPolicy="Delete"),
        lambda place: place.delete("PBACluster", "shop"),
    ),
}


async def _live(place: Namespace, ends_after: int | None = None) -> bool:
    """Let an operator live until all is at rest, or until its end; tell whether it has ended before."""
    async with life(place, ends_after=ends_after) as operator:
        await operator.settle()
        return operator.ended


@dataclass(frozen=True)
class End:
    """What has become of a namespace."""

    picture: dict[str, Object]
    told: dict[str, int]
    """How often each Event was told."""
    judge: Judge


def _end(place: Namespace, judge: Judge) -> End:
    told = {event["message"]: event["count"] for event in place.list("Event") if "count" in event}
    return End(picture(place), told, judge)


async def _changed(places: Places, name: str) -> tuple[Namespace, Judge, int]:
    """Bring a scenario to where its change was just made; the number counts the writes before it."""
    prepare, change = SCENARIOS[name]
    place, judge = places()
    prepare(place)
    await _live(place)
    before = len(judge.writes())
    change(place)
    return place, judge, before


async def _undisturbed(places: Places, name: str) -> tuple[End, int]:
    place, judge, before = await _changed(places, name)
    await _live(place)
    return _end(place, judge), len(judge.writes()) - before


async def _ended_at(places: Places, name: str, number: int) -> End:
    """End the operator at its write `number` (from 1), begin another one; return what has become of it all."""
    place, judge, before = await _changed(places, name)
    assert await _live(place, ends_after=number), f"no write number {number}"
    assert len(judge.writes()) - before == number, "as the audit log counts"
    await _live(place)
    return _end(place, judge)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_intermediate_state_ended_at_every_write(
    places: Places, name: str, record_property: Callable[[str, object], None]
) -> None:
    """Its figures are in the JUnit file, where `hack/bench operator --case crash-points` reads them."""
    expected, writes = await _undisturbed(places, name)
    assert writes
    record_property("existing", writes)
    visited: list[int] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def visit(number: int) -> None:
        async with gate:
            found = await _ended_at(places, name, number)
        assert differences(found.picture, expected.picture) == [], f"ended at write {number}"
        assert found.judge.doubled() == [], f"ended at write {number}"
        assert found.judge.reverted() == [], f"ended at write {number}"
        again = [message for message, count in found.told.items() if count > expected.told.get(message, 1)]
        assert again == [], f"ended at write {number}: told more often than it happened"
        visited.append(number)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(1, writes + 1):
                group.create_task(visit(number))
    finally:
        record_property("visited", len(visited))
    assert sorted(visited) == list(range(1, writes + 1)), "every write of the audit log was one to end at"
