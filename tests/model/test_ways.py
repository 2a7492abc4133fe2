"""When clients are led elsewhere, and when the way is opened and closed: the whole operator, with time."""

from __future__ import annotations

from typing import Any

import pytest
from pba_simulation.world import Killed, World, cluster

from pba_operator.domain.network.moments import OPEN_AFTER_SECONDS, OPEN_BEFORE_SECONDS
from pba_operator.kube import errors
from pba_operator.kube.store import Address

Object = dict[str, Any]
WHOLE: Object = {"backend": {"replicas": 2}, "frontend": {"image": "haproxy:3.0.11"}}
SERVICE, POLICY = ("Service", "shop"), ("NetworkPolicy", "shop-management")


class Watch:
    """Notes when clients are led elsewhere, and when the management node is opened and closed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.at: dict[str, float] = {}
        world.api.after = self._note

    def _note(self, _verb: str, at: Address) -> None:
        if (at.kind, at.name) in (SERVICE, POLICY):
            for state in (self.leads_to, self.is_open):
                self.at.setdefault(state, self.world.clock.now())

    @property
    def leads_to(self) -> str:
        service = self.world.get(*SERVICE)
        return f"led to {service['spec']['selector']['pba.dev/component']}" if service else "led nowhere"

    @property
    def is_open(self) -> str:
        policy = self.world.get(*POLICY)
        rules = policy["spec"].get("ingress", ()) if policy else ()
        return "open" if any("from" not in rule for rule in rules) else "closed"


@pytest.fixture
async def world() -> World:
    made = World()
    await made.start()
    made.create(cluster())
    await made.settle()
    assert made.is_ready()
    return made


async def test_growing_and_shrinking(world: World) -> None:
    growing = Watch(world)
    world.edit("PBACluster", "shop", spec=WHOLE)
    await world.settle()
    assert growing.at["closed"] - growing.at["led to frontend"] == pytest.approx(OPEN_AFTER_SECONDS, abs=1)
    shrinking = Watch(world)
    world.edit("PBACluster", "shop", spec=dict.fromkeys(WHOLE))
    await world.settle()
    waited = shrinking.at["led to management"] - shrinking.at["open"]
    assert waited == pytest.approx(OPEN_BEFORE_SECONDS, abs=1)
    assert world.is_ready()
    assert world.get("NetworkPolicy", "shop-frontend") is None


async def test_an_operator_that_ended_right_after_it_led_clients_elsewhere(world: World) -> None:
    def end(_verb: str, at: Address) -> None:
        if (at.kind, at.name) == SERVICE and watch.leads_to == "led to frontend":
            world.api.after = lambda _verb, _at: None
            raise Killed

    watch = Watch(world)
    world.api.after = end
    world.edit("PBACluster", "shop", spec=WHOLE)
    await world.settle()
    assert (world.running, watch.leads_to, watch.is_open) == (False, "led to frontend", "open")
    await world.clock.advance(3600)
    watch, begun = Watch(world), world.clock.now()
    await world.start()
    await world.settle()
    assert watch.at["closed"] - begun == pytest.approx(OPEN_AFTER_SECONDS, abs=2)


async def test_a_write_whose_answer_is_lost_counts(world: World) -> None:
    def lose(_verb: str, at: Address) -> None:
        if (at.kind, at.name) == SERVICE and watch.leads_to == "led to frontend":
            moved.append(world.clock.now())
            world.api.after = watch._note
            raise errors.TimedOut("no answer")

    moved: list[float] = []
    watch = Watch(world)
    world.api.after = lose
    world.edit("PBACluster", "shop", spec=WHOLE)
    await world.settle()
    assert watch.at["closed"] - moved[0] >= OPEN_AFTER_SECONDS
