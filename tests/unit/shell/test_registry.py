from __future__ import annotations

import itertools
from typing import Any

import kopf
import pytest
from kopf._cogs.structs.ids import HandlerId
from kopf._cogs.structs.references import Resource

from pba_operator.kube import kinds
from pba_operator.kube.streams import SILENCE_SECONDS, STREAM_SECONDS
from pba_operator.shell.memories import NoMemories
from pba_operator.shell.registry import BACKOFFS, Backoffs, NoDiffBase, registry_for, settings


class Recorded:
    """Stands for the process: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.engine = self
        self.intake = self

    async def start(self) -> None:
        self.told.append("start")

    async def stop(self) -> None:
        self.told.append("stop")

    def event(self, kind: kinds.Kind, what: str | None, manifest: Any) -> None:
        self.told.append((kind.name, what, manifest))


@pytest.fixture
def process() -> Recorded:
    return Recorded()


@pytest.fixture
def registry(process: Recorded) -> kopf.OperatorRegistry:
    return registry_for(process)  # type: ignore[arg-type]


def resource(kind: kinds.Kind) -> Resource:
    return Resource(group=kind.group, version=kind.version, plural=kind.plural, kind=kind.name)


def test_every_kind_is_watched_and_nothing_else_is_asked_of_kopf(registry: kopf.OperatorRegistry) -> None:
    selectors = registry._watching.get_all_selectors()
    for kind in kinds.WATCHED:
        assert [selector for selector in selectors if selector.check(resource(kind))]
    assert len(selectors) == len(kinds.WATCHED)
    for others in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert others.get_all_handlers() == []


async def test_a_handler_hands_over_and_returns_nothing(
    registry: kopf.OperatorRegistry, process: Recorded
) -> None:
    handlers = {handler.id: handler for handler in registry._watching.get_all_handlers()}
    handler = handlers[HandlerId("deployments")]
    event: dict[str, Any] = {"type": None, "object": {"metadata": {}}}
    assert await handler.fn(event=event, type=None, param=handler.param, name="x") is None  # type: ignore[call-arg, arg-type, misc]
    assert process.told == [("Deployment", None, {"metadata": {}})]


async def test_start_and_stop_are_the_process_s(registry: kopf.OperatorRegistry, process: Recorded) -> None:
    for handler in registry._activities.get_all_handlers():
        if handler.activity is not None and handler.activity.value in ("startup", "cleanup"):
            await handler.fn()  # type: ignore[call-arg, misc]
    assert process.told == ["start", "stop"]


def test_children_are_selected_by_their_label_and_clusters_are_not() -> None:
    selectors = settings().watching.label_selectors
    for kind in kinds.CHILDREN:
        assert selectors.collect(resource(kind)) == ["pba.dev/cluster"]
    assert selectors.collect(resource(kinds.CLUSTER)) == []


def test_the_settings_that_matter() -> None:
    found = settings()
    assert found.peering.standalone
    assert found.scanning.disabled
    assert not found.posting.enabled
    assert found.watching.server_timeout == STREAM_SECONDS
    assert found.watching.inactivity_timeout == SILENCE_SECONDS
    assert found.queueing.idle_timeout > 0, "with 0, kopf never ends a worker whose queue is not empty"


def test_a_watch_never_gives_up_and_is_back_within_seconds() -> None:
    backoffs = Backoffs()
    for _ in range(2):
        assert list(itertools.islice(backoffs, 50)) == [*BACKOFFS, *[2.0] * (50 - len(BACKOFFS))]
    assert not hasattr(backoffs, "__len__")


async def test_kopf_keeps_nothing_of_an_object() -> None:
    memories = NoMemories()
    body: Any = {"metadata": {"uid": "u1"}, "spec": {"a": 1}}
    first = await memories.recall(body, noticed_by_listing=True)
    assert first.noticed_by_listing
    assert await memories.recall(body) is not first
    assert list(memories.iter_all_memories()) == []
    storage = NoDiffBase()
    assert storage.build(body=kopf.Body(body)) == {}
    assert storage.fetch(body=kopf.Body(body)) is None
