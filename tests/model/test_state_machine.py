"""Users, vandals, a faulty API server, lossy watches and an operator that is ended at any write, in any order.

Whatever happened: once it is over, the PBACluster is ready and nothing more is written; no data was lost that nobody
deleted; what is somebody else's is as he left it.
"""

from __future__ import annotations

import asyncio
import copy
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from pba_simulation.apiserver import Event
from pba_simulation.picture import picture
from pba_simulation.world import NAME, NAMESPACE, Killed, World, cluster

from pba_operator.kube import errors, kinds
from pba_operator.kube.store import Address

DATA = ("PersistentVolumeClaim/data-shop-mysql-0", "Secret/shop-mysql-app", "Secret/shop-mysql-admin")
KINDS = ("Deployment", "Service", "ConfigMap", "StatefulSet", "PodDisruptionBudget", "Role", "NetworkPolicy")
HOLD = "example.org/hold"
FAULTS = (
    errors.ServerError("etcd leader changed"),
    errors.Throttled("busy", retry_after=3),
    errors.TimedOut("no answer"),
    errors.Unreachable("no route"),
    errors.Conflict("somebody was faster"),
    errors.Gone("expired"),
)

SPECS = st.fixed_dictionaries(
    {},
    optional={
        "backend": st.sampled_from([None, {"replicas": 1}, {"replicas": 4}]),
        "frontend": st.sampled_from([None, {"image": "haproxy:3", "replicas": 2}]),
        "management": st.sampled_from([None, {"servesTraffic": False}, {"servesTraffic": True}]),
        "childMetadata": st.sampled_from([None, {"labels": {"team": "a"}}, {"annotations": {"note": "b"}}]),
        "service": st.sampled_from([None, {"type": "LoadBalancer"}]),
    },
)


def whole(spec: dict[str, Any]) -> dict[str, Any]:
    """Return `spec` with a frontend where there are backends, and with nodes that serve, as the schema demands."""
    if not spec.get("frontend"):
        return {**spec, "backend": None, "frontend": None, "management": None}
    return spec if spec.get("backend") else {**spec, "backend": None, "management": None}


def _content(live: dict[str, Any]) -> dict[str, Any]:
    """Return what a writer says of an object: not its version, nor the status that its controller writes."""
    metadata = {field: value for field, value in live["metadata"].items() if field != "resourceVersion"}
    return {**live, "metadata": metadata, "status": None}


class Disturbances(RuleBasedStateMachine):
    """One PBACluster and everybody who touches it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = World()
        self.chance = random.Random(0)  # noqa: S311 - a test's
        self.stripped: set[Address] = set()
        self.foreign: dict[Address, dict[str, Any]] = {}
        self.held: set[Address] = set()
        self.policy = "Retain"
        self.data_may_go = False
        self.run(self.world.start())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.run(self._calm())
            self.check_the_end()
        finally:
            self.runner.close()

    # Users.

    @initialize(spec=SPECS, policy=st.sampled_from(["Retain", "Delete"]), seed=st.integers(0, 2**16))
    def create(self, spec: dict[str, Any], policy: str, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a test's
        self._create(spec, policy)

    def _create(self, spec: dict[str, Any], policy: str) -> None:
        self.policy = policy
        made = {name: value for name, value in whole(spec).items() if value is not None}
        self.world.create(cluster(deletionPolicy=policy, **made))

    @rule(spec=SPECS)
    def edit(self, spec: dict[str, Any]) -> None:
        if self.world.get("PBACluster", NAME):
            self.world.edit("PBACluster", NAME, spec=whole(spec) if spec else {})
            live = self.world.get("PBACluster", NAME)
            assert live is not None
            parts = {part: live["spec"].get(part) for part in ("backend", "frontend", "management")}
            if whole(parts) != parts:
                self.world.edit("PBACluster", NAME, spec=whole(parts))

    @rule()
    def delete_and_create_again(self) -> None:
        if self.world.get("PBACluster", NAME):
            self.data_may_go = self.data_may_go or self.policy == "Delete"
            self.world.delete("PBACluster", NAME)
            self.settle()
            if self.world.get("PBACluster", NAME) is None:
                self._create({}, self.policy)

    # Vandals.

    def _victim(self, choice: int) -> Address | None:
        found = [
            address
            for address in sorted(self.world.api.objects)
            if address.kind in KINDS and address not in self.foreign and address not in self.held
        ]
        return found[choice % len(found)] if found else None

    @rule(choice=st.integers(0, 99))
    def delete_a_child(self, choice: int) -> None:
        victim = self._victim(choice)
        if victim:
            self.world.api.delete_as(victim)

    @rule(choice=st.integers(0, 99))
    def delete_a_child_and_hold_it(self, choice: int) -> None:
        victim = self._victim(choice)
        if victim:
            self.world.api.patch_as("vandal", victim, {"metadata": {"finalizers": [HOLD]}})
            self.world.api.delete_as(victim)
            self.held.add(victim)

    @rule(choice=st.integers(0, 99))
    def edit_a_child(self, choice: int) -> None:
        victim = self._victim(choice)
        if victim is None:
            return
        patches: dict[str, dict[str, Any]] = {
            "Deployment": {"spec": {"replicas": 9, "template": {"spec": {"enableServiceLinks": True}}}},
            "StatefulSet": {"spec": {"replicas": 3}},
            "Service": {"spec": {"selector": {"vandal": "yes"}}},
            "ConfigMap": {"data": {"haproxy.cfg": "vandal", "my.cnf": "vandal"}},
            "Role": {"rules": []},
            "PodDisruptionBudget": {"spec": {"maxUnavailable": 5}},
            "NetworkPolicy": {"spec": {"ingress": [{}]}},
        }
        self.world.api.patch_as("vandal", victim, patches[victim.kind])

    @rule(choice=st.integers(0, 99), what=st.sampled_from(["labels", "annotations"]))
    def strip_a_child(self, choice: int, what: str) -> None:
        victim = self._victim(choice)
        if victim:
            self.world.api.patch_as("vandal", victim, {"metadata": {what: None}})

    @rule(choice=st.integers(0, 99))
    def take_a_child_away_from_its_owner(self, choice: int) -> None:
        victim = self._victim(choice)
        if victim:
            self.world.api.patch_as("vandal", victim, {"metadata": {"ownerReferences": None}})
            self.stripped.add(victim)

    @rule(choice=st.integers(0, 99))
    def replace_a_child(self, choice: int) -> None:
        victim = self._victim(choice)
        if victim is None:
            return
        self.world.api.delete_as(victim)
        metadata = {"name": victim.name, "namespace": NAMESPACE}
        theirs = {
            "apiVersion": kinds.BY_NAME[victim.kind].api_version,
            "kind": victim.kind,
            "metadata": metadata,
        }
        if victim.kind in ("Deployment", "StatefulSet"):
            theirs["spec"] = {"replicas": 0, "template": {"spec": {"containers": []}}}
        made = self.world.api.create_as("stranger", theirs)
        self.foreign[victim] = copy.deepcopy(made)

    # Machines.

    @rule(number=st.integers(1, 12))
    def end_the_operator_at_a_write(self, number: int) -> None:
        base = len(self.world.api.writes)

        def after(_verb: str, _address: Address) -> None:
            if len(self.world.api.writes) - base >= number:
                raise Killed

        self.world.api.after = after
        self.settle()
        self.world.api.after = lambda _verb, _address: None
        if not self.world.running:
            self.run(self.world.start())

    @rule(count=st.integers(1, 6), late=st.booleans(), fault=st.sampled_from(FAULTS))
    def fail_some_requests(self, count: int, late: bool, fault: errors.ApiError) -> None:
        left = count

        def fail(_verb: str, _address: Address) -> None:
            nonlocal left
            if left and self.chance.random() < 0.5:
                left -= 1
                raise fault

        hook = "after" if late and isinstance(fault, errors.TimedOut | errors.ServerError) else "before"
        setattr(self.world.api, hook, fail)
        self.settle()
        setattr(self.world.api, hook, lambda _verb, _address: None)

    @rule(how=st.sampled_from(["lose", "repeat", "shuffle"]))
    def disturb_the_watches(self, how: str) -> None:
        history: list[Event] = []

        def deliver(events: list[Event]) -> list[Event]:
            history.extend(events)
            if how == "lose":
                return [event for event in events if self.chance.random() < 0.5]
            if how == "repeat":
                return [*events, *self.chance.sample(history, min(5, len(history)))]
            return self.chance.sample(events, len(events))

        self.world.deliver = deliver
        self.settle()
        self.world.deliver = list
        self.run(self.world.compare())

    @rule()
    def settle(self) -> None:
        self.run(self.world.settle(horizon=120))

    @precondition(lambda self: self.world.running)
    @rule()
    def restart(self) -> None:
        self.run(self.world.start())

    # The end.

    async def _calm(self) -> None:
        """Have everybody stop, and take away what only a human can."""
        await self.world.compare()
        await self.world.settle()
        for address, theirs in self.foreign.items():
            live = self.world.api.objects.get(address)
            assert live is not None, f"{address} was somebody else's"
            assert _content(live) == _content(theirs), f"{address} was somebody else's"
        for address in self.held:
            assert self.world.api.objects[address]["metadata"]["finalizers"] == [HOLD], "not ours to take off"
            self.world.api.patch_as("vandal", address, {"metadata": {"finalizers": None}})
        for address in {*self.foreign, *self.stripped}:
            live = self.world.api.objects.get(address)
            if live is not None and not live["metadata"].get("ownerReferences"):
                self.world.api.delete_as(address)
        await self.world.settle()
        if self.world.get("PBACluster", NAME) is None:
            self._create({}, self.policy)
            await self.world.settle()

    def check_the_end(self) -> None:
        world = self.world
        assert world.is_ready(), world.condition("Ready")
        deleted = {
            f"{write.address.kind}/{write.address.name}"
            for write in world.api.writes
            if write.verb == "DELETE"
        }
        assert self.data_may_go or not deleted & set(DATA)
        before = picture(world.api)
        world.api.writes.clear()
        self.run(world.start())
        self.run(world.settle())
        assert world.api.writes == []
        assert picture(world.api) == before


TestDisturbances = Disturbances.TestCase
TestDisturbances.settings = settings(
    max_examples=40, stateful_step_count=12, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("seed", range(12))
def test_what_was_kept_is_taken_back_whole_although_requests_fail(seed: int) -> None:
    state = Disturbances()
    state.create(spec={}, policy="Retain", seed=seed)
    state.settle()
    state.delete_and_create_again()
    state.fail_some_requests(count=3, fault=errors.ServerError("etcd leader changed"), late=False)
    state.teardown()


@pytest.mark.parametrize("write", range(1, 12))
def test_deleted_at_any_write_while_it_takes_back_what_was_kept_the_next_one_takes_it_back(
    write: int,
) -> None:
    state = Disturbances()
    state.create(spec={}, policy="Retain", seed=1)
    state.settle()
    state.delete_and_create_again()
    state.end_the_operator_at_a_write(number=write)
    state.delete_and_create_again()
    state.teardown()
