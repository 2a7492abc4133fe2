"""A state machine: nodes come, go, move and return, HAProxy restarts, passes are broken off; then all is at rest.

The planner plays against a model of HAProxy (`pba_lab.model`), which another test compares with the real one.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pba_lab.model import HAProxyModel

from pba_sync.balancer.affinity import NO_AFFINITY, Affinity
from pba_sync.balancer.errors import CommandRefusedError
from pba_sync.balancer.membership import Node, NodeState
from pba_sync.balancer.planner import Change, Kind, drain_clock, plan, wanted
from pba_sync.balancer.runtime import HAProxy
from pba_sync.balancer.servers import Admin

NAMES = ("a", "b", "c", "d")
DRAIN_SECONDS = 30.0


class _Direct(HAProxy):
    def __init__(self, model: HAProxyModel) -> None:
        super().__init__(Path("/nowhere"), 1, lambda _verb, _succeeded: None)
        self._model = model

    def _exchange(self, text: str) -> str:
        return self._model.ask(text)


class Membership(RuleBasedStateMachine):
    """What a cluster can do to the balancer, and what must hold whatever it does."""

    affinity = NO_AFFINITY

    def __init__(self) -> None:
        super().__init__()
        self.model = HAProxyModel()
        self.haproxy = _Direct(self.model)
        self.nodes: dict[str, Node] = {}
        self.since: dict[str, float] = {}
        self.left_at: dict[str, float] = {}
        self.now = 0.0

    @rule(name=st.sampled_from(NAMES), address=st.sampled_from(("10.0.0.1", "fd00::1")))
    def becomes_ready(self, name: str, address: str) -> None:
        known = self.nodes.get(name)
        self.nodes[name] = Node(name, known.address if known else address, 8080, NodeState.SERVING)

    @rule(name=st.sampled_from(NAMES))
    def terminates(self, name: str) -> None:
        if name in self.nodes:
            self.nodes[name] = Node(name, self.nodes[name].address, 8080, NodeState.DRAINING, True)

    @rule(name=st.sampled_from(NAMES))
    def gets_unready(self, name: str) -> None:
        if name in self.nodes:
            self.nodes[name] = Node(name, self.nodes[name].address, 8080, NodeState.DRAINING)

    @rule(name=st.sampled_from(NAMES))
    def vanishes(self, name: str) -> None:
        self.nodes.pop(name, None)

    @rule(name=st.sampled_from(NAMES))
    def gets_another_address(self, name: str) -> None:
        if name in self.nodes:
            self.nodes[name] = Node(name, "10.0.0.9", 8080, self.nodes[name].state)

    @rule(name=st.sampled_from(NAMES))
    def takes_a_request(self, name: str) -> None:
        server = self.model.servers.get(name)
        if server and server.in_rotation:
            server.in_use += 1

    @rule(name=st.sampled_from(NAMES))
    def ends_a_request(self, name: str) -> None:
        server = self.model.servers.get(name)
        if server and server.in_use:
            server.in_use -= 1

    @rule()
    def haproxy_restarts(self) -> None:
        self.model.restart()

    @rule()
    def sidecar_restarts(self) -> None:
        self.since = {}

    @rule(seconds=st.sampled_from((1.0, 20.0, 40.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(broken_off_after=st.none() | st.integers(0, 6))
    def passes(self, broken_off_after: int | None) -> None:
        """Make one pass; it may be broken off after so many commands (the sidecar is killed)."""
        left = 10_000 if broken_off_after is None else broken_off_after
        for change in self._plan():
            for command in change.commands:
                if left == 0:
                    return
                left -= 1
                try:
                    self.haproxy.run(command)
                except CommandRefusedError:
                    break
        self._nobody_serves_who_should_not()

    def _plan(self) -> tuple[Change, ...]:
        live = self.haproxy.servers()
        self.since = drain_clock(self.nodes, live, self.since, self.now)
        busy = {name: server.in_use for name, server in self.model.servers.items()}
        changes = plan(self.nodes, live, self.since, self.now, DRAIN_SECONDS, self.affinity)
        for change in changes:
            if (
                any(command.verb == "shutdown sessions" for command in change.commands)
                and busy[change.server]
            ):
                node, server = self.nodes.get(change.server), live[change.server]
                moved = node is not None and node.address != server.address
                assert moved or self.now - self.since[change.server] >= DRAIN_SECONDS
        return changes

    def _keeps(self, name: str) -> bool:
        node = self.nodes.get(name)
        return (
            node is not None
            and node.keeps_clients
            and self.now - self.since.get(name, self.now) < self.affinity.keep_seconds
        )

    def _nobody_serves_who_should_not(self) -> None:
        for name, server in self.model.servers.items():
            if server.in_rotation:
                assert wanted(self.nodes, name)

    @invariant()
    def at_rest_all_is_in_step(self) -> None:
        """From every state, some passes bring HAProxy in step, and then nothing is left to do."""
        model = HAProxyModel()
        model.servers = {name: type(server)(**vars(server)) for name, server in self.model.servers.items()}
        haproxy, since, now = _Direct(model), dict(self.since), self.now
        for _ in range(5):
            live = haproxy.servers()
            since = drain_clock(self.nodes, live, since, now)
            for change in plan(self.nodes, live, since, now, DRAIN_SECONDS, self.affinity):
                for command in change.commands:
                    haproxy.run(command)
            now += DRAIN_SECONDS
        serving = {name: node for name, node in self.nodes.items() if wanted(self.nodes, name)}
        assert {name: (s.address, s.port) for name, s in model.servers.items() if s.in_rotation} == {
            name: (node.address, node.port) for name, node in serving.items()
        }
        assert model.servers.keys() == serving.keys()
        assert plan(self.nodes, haproxy.servers(), {}, now, DRAIN_SECONDS, self.affinity) == ()


class BoundMembership(Membership):
    """The same where clients are bound to nodes."""

    affinity = Affinity("Cookie", "key", keep_seconds=15.0)

    @rule(name=st.sampled_from(NAMES))
    def takes_a_request_of_a_bound_client(self, name: str) -> None:
        server = self.model.servers.get(name)
        if server and server.takes_bound_clients:
            server.in_use += 1

    def _plan(self) -> tuple[Change, ...]:
        live = self.haproxy.servers()
        changes = super()._plan()
        for change in changes:
            if change.kind in {Kind.RELEASE, Kind.REMOVE} and live[change.server].admin is not Admin.MAINT:
                assert not self._keeps(change.server)
        return changes

    def _nobody_serves_who_should_not(self) -> None:
        super()._nobody_serves_who_should_not()
        for name, server in self.model.servers.items():
            if server.takes_bound_clients:
                assert wanted(self.nodes, name) or self._keeps(name)


class RingMembership(Membership):
    """The same where clients are bound to nodes by their addresses."""

    affinity = Affinity("ClientIP", keep_seconds=15.0)

    def _nobody_serves_who_should_not(self) -> None:
        for name, server in self.model.servers.items():
            if server.in_rotation:
                assert wanted(self.nodes, name) or self._keeps(name)


Membership.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestMembership = Membership.TestCase
BoundMembership.TestCase.settings = Membership.TestCase.settings
TestBoundMembership = BoundMembership.TestCase
RingMembership.TestCase.settings = Membership.TestCase.settings
TestRingMembership = RingMembership.TestCase
