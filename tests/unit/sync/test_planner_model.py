"""A state machine: nodes come, go, move and return, HAProxy restarts, passes are broken off; then all is at rest.

Nodes are pods, or outside of the cluster: those are declared, their hosts are resolved, or not, or elsewhere. Both may
be drained by hand, and fail their checks.

The planner plays against a model of HAProxy (`pba_lab.model`), which another test compares with the real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pba_lab.model import HAProxyModel
from pba_lab.modelled import ModelledHAProxy

from pba_sync.balancer.heeding import Past, heed, remember
from pba_sync.balancer.planner import (
    Change,
    Kind,
    Terms,
    drain_clock,
    governed,
    plan,
    stays,
    wanted,
)
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import Check
from pba_sync.haproxy.errors import CommandRefusedError
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching import external
from pba_sync.watching.external import Declared, External
from pba_sync.watching.membership import Node, NodeState

NAMES = ("a", "b", "c", "d")
OUTSIDE = ("x", "y")
HOSTS = ("one.example", "two.example")
SERVERS_OUTSIDE = tuple(
    external.server_name(External(name, "", 8080), address)
    for name in OUTSIDE
    for address in ("10.1.0.2", "10.1.0.3")
)
DRAIN_SECONDS = 30.0


class Membership(RuleBasedStateMachine):
    """What a cluster can do to the balancer, and what must hold whatever it does."""

    terms = Terms(DRAIN_SECONDS, Check(500, 2, 2), 100)

    def __init__(self) -> None:
        super().__init__()
        self.model = HAProxyModel()
        self.haproxy = ModelledHAProxy(self.model)
        self.pods: dict[str, Node] = {}
        self.declared: dict[str, External] = {}
        self.addresses: dict[str, str] = {}
        self.drained: set[str] = set()
        self.since: dict[str, float] = {}
        self.past = Past()
        self.dead: set[str] = set()
        """What checks have found dead since Kubernetes called it ready anew, and HAProxy has known ever since."""
        self.seen: dict[str, NodeState] = {}
        """What the last pass was told of each node."""
        self.now = 0.0

    @rule(name=st.sampled_from(NAMES), address=st.sampled_from(("10.0.0.1", "fd00::1")))
    def becomes_ready(self, name: str, address: str) -> None:
        known = self.pods.get(name)
        self.pods[name] = Node(name, known.address if known else address, 8080, NodeState.SERVING)

    @rule(name=st.sampled_from(NAMES))
    def terminates(self, name: str) -> None:
        if name in self.pods:
            self.pods[name] = Node(name, self.pods[name].address, 8080, NodeState.DRAINING, True)

    @rule(name=st.sampled_from(NAMES))
    def gets_unready(self, name: str) -> None:
        if name in self.pods:
            self.pods[name] = Node(name, self.pods[name].address, 8080, NodeState.UNREADY)

    @rule(name=st.sampled_from(NAMES))
    def vanishes(self, name: str) -> None:
        self.pods.pop(name, None)

    @rule(name=st.sampled_from(NAMES))
    def gets_another_address(self, name: str) -> None:
        if name in self.pods:
            self.pods[name] = Node(name, "10.0.0.9", 8080, self.pods[name].state)

    @property
    def declaration(self) -> Declared:
        external = tuple(self.declared[name] for name in sorted(self.declared))
        return Declared(external, frozenset(self.drained))

    @property
    def nodes(self) -> dict[str, Node]:
        pods = external.by_hand(self.pods, self.drained)
        return pods | external.nodes(self.declaration, self.addresses)

    @property
    def unresolved(self) -> frozenset[str]:
        return external.unresolved(self.declaration, self.addresses)

    @rule(name=st.sampled_from(OUTSIDE), host=st.sampled_from((*HOSTS, "10.1.0.1", "fd00::9")))
    def is_declared(self, name: str, host: str) -> None:
        self.declared[name] = External(name, host, 8080)

    @rule(name=st.sampled_from(OUTSIDE))
    def is_taken_back(self, name: str) -> None:
        self.declared.pop(name, None)

    @rule(host=st.sampled_from(HOSTS), address=st.sampled_from(("10.1.0.2", "10.1.0.3", "fd00::8")))
    def is_resolved(self, host: str, address: str) -> None:
        self.addresses[host] = address

    @rule(name=st.sampled_from((*NAMES, *OUTSIDE)))
    def is_drained_by_hand_or_let_back(self, name: str) -> None:
        self.drained ^= {name}

    @rule(name=st.sampled_from((*NAMES, *SERVERS_OUTSIDE)), up=st.booleans())
    def is_checked(self, name: str, *, up: bool) -> None:
        server = self.model.servers.get(name)
        if server and server.checks_go_on:
            server.found(well=up)
            (self.dead.discard if up else self.dead.add)(name)

    @rule(name=st.sampled_from(NAMES), unready=st.booleans(), back=st.booleans())
    def goes_down_out_of_rotation(self, name: str, *, unready: bool, back: bool) -> None:
        """By hand or because it is not ready: a machine that is mended, an application that hangs with requests."""
        if name in self.pods:
            self.takes_a_request(name)
            self._takes_out(name, unready=unready)
            self.passes(None)
            self.is_checked(name, up=False)
            if back:
                self._takes_back(name, unready=unready)
                self.passes(None)

    def _takes_out(self, name: str, *, unready: bool) -> None:
        if unready:
            self.gets_unready(name)
        else:
            self.drained.add(name)

    def _takes_back(self, name: str, *, unready: bool) -> None:
        if unready:
            self.becomes_ready(name, "")
        else:
            self.drained.discard(name)

    @rule(name=st.sampled_from((*NAMES, *SERVERS_OUTSIDE)))
    def takes_a_request(self, name: str) -> None:
        server = self.model.servers.get(name)
        if server and server.in_rotation:
            server.in_use += 1

    @rule(name=st.sampled_from((*NAMES, *SERVERS_OUTSIDE)))
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
        self.past = Past()
        self.seen = {}
        self.addresses = {}

    @rule(seconds=st.sampled_from((1.0, 20.0, 40.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(broken_off_after=st.none() | st.integers(0, 6))
    def passes(self, broken_off_after: int | None) -> None:
        """Make one pass; it may be broken off after so many commands (the sidecar is killed)."""
        left = 10_000 if broken_off_after is None else broken_off_after
        known = set(self.model.servers)
        live = governed(self.haproxy.servers(), self.unresolved)
        anew = self._called_ready_anew(live)
        self.past = remember(self.nodes, live, self.past)
        shall = heed(self.nodes, live, self.past).nodes
        serving = any(server.usable and wanted(shall, name) for name, server in live.items())
        for change in self._plan():
            for command in change.commands:
                if left == 0:
                    return
                left -= 1
                try:
                    self.haproxy.run(command)
                except CommandRefusedError:
                    break
        self._nobody_serves_who_should_not(shall)
        if any(server.usable and self._stays(server) for server in live.values()):
            assert any(server.in_rotation for server in self.model.servers.values())
        for name in anew:
            server = self.model.servers.get(name)
            assert server is None or server.address != self.pods[name].address or server.in_rotation
        for name in set(self.model.servers) - known:
            assert not (serving and external.is_outside(name) and self.model.servers[name].in_rotation)

    def _plan(self) -> tuple[Change, ...]:
        live = governed(self.haproxy.servers(), self.unresolved)
        nodes = heed(self.nodes, live, self.past).nodes
        self.since = drain_clock(nodes, live, self.since, self.now)
        busy = {name: server.in_use for name, server in self.model.servers.items()}
        changes = plan(nodes, live, self.since, self.now, self.terms)
        for change in changes:
            if (
                any(command.verb == "shutdown sessions" for command in change.commands)
                and busy[change.server]
            ):
                assert not any(external.is_of(change.server, name) for name in self.unresolved)
                node, server = self.nodes.get(change.server), live[change.server]
                moved = node is not None and node.address != server.address
                assert moved or self.now - self.since[change.server] >= DRAIN_SECONDS
        return changes

    def _keeps(self, name: str) -> bool:
        node = self.nodes.get(name)
        return (
            node is not None
            and node.keeps_clients
            and self.now - self.since.get(name, self.now) < self.terms.affinity.keep_seconds
        )

    def _nobody_serves_who_should_not(self, shall: Mapping[str, Node]) -> None:
        for name in governed(self.haproxy.servers(), self.unresolved):
            if self.model.servers[name].in_rotation:
                assert wanted(shall, name)

    def _stays(self, server: Server) -> bool:
        """Tell whether a server's node is to be kept, if nobody else serves."""
        return stays(self.nodes, server.name) and self.nodes[server.name].address == server.address

    def _called_ready_anew(self, live: Mapping[str, Server]) -> set[str]:
        """Return the pods that are to serve at once, whatever checks have found of them."""
        nodes, checked = (
            self.nodes,
            {name for name, server in live.items() if server.admin is not Admin.MAINT},
        )
        anew = {
            name
            for name in self.pods
            if nodes[name].state is NodeState.SERVING
            and (name not in checked or self.seen.get(name) is NodeState.UNREADY)
        }
        self.seen = {name: node.state for name, node in nodes.items()}
        self.dead -= anew
        return anew

    @invariant()
    def who_was_found_dead_gets_nothing(self) -> None:
        """Whoever drains it or lets it back: until a check finds it well, or Kubernetes calls it ready anew."""
        checked = {name for name, server in self.model.servers.items() if server.checks_go_on}
        self.dead &= checked
        assert not [name for name in self.dead if self.model.servers[name].in_rotation]

    @invariant()
    def at_rest_all_is_in_step(self) -> None:
        """From every state, some passes bring HAProxy in step, and then nothing is left to do."""
        model = HAProxyModel()
        model.servers = {name: type(server)(**vars(server)) for name, server in self.model.servers.items()}
        haproxy, since, now, past = ModelledHAProxy(model), dict(self.since), self.now, self.past
        pending = tuple(f"external_{name}_" for name in self.unresolved)
        untouched = {name: vars(s) | {} for name, s in model.servers.items() if name.startswith(pending)}
        for _ in range(5):
            live = governed(haproxy.servers(), self.unresolved)
            past = remember(self.nodes, live, past)
            shall = heed(self.nodes, live, past).nodes
            since = drain_clock(shall, live, since, now)
            for change in plan(shall, live, since, now, self.terms):
                for command in change.commands:
                    haproxy.run(command)
            now += DRAIN_SECONDS
        assert {name: vars(model.servers[name]) for name in untouched} == untouched
        ours = governed(haproxy.servers(), self.unresolved)
        shall = heed(self.nodes, ours, past).nodes
        assert {name: (s.address, s.port, s.admin) for name, s in ours.items()} == {
            name: (node.address, node.port, Admin.READY if wanted(shall, name) else Admin.DRAIN)
            for name, node in shall.items()
            if stays(shall, name)
        }
        kept = any(
            node.state is NodeState.UNREADY and name in past.served for name, node in self.nodes.items()
        )
        if kept or any(stays(self.nodes, name) for name in self.nodes):
            assert any(server.admin is Admin.READY for server in ours.values())
        assert plan(shall, ours, {}, now, self.terms) == ()


class BoundMembership(Membership):
    """The same where clients are bound to nodes."""

    terms = replace(Membership.terms, affinity=Affinity("Cookie", "key", keep_seconds=15.0))

    @rule(name=st.sampled_from((*NAMES, *SERVERS_OUTSIDE)))
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

    def _nobody_serves_who_should_not(self, shall: Mapping[str, Node]) -> None:
        super()._nobody_serves_who_should_not(shall)
        for name in governed(self.haproxy.servers(), self.unresolved):
            if self.model.servers[name].takes_bound_clients:
                assert stays(shall, name) or self._keeps(name)


class RingMembership(Membership):
    """The same where clients are bound to nodes by their addresses."""

    terms = replace(Membership.terms, affinity=Affinity("ClientIP", keep_seconds=15.0))

    def _nobody_serves_who_should_not(self, shall: Mapping[str, Node]) -> None:
        for name in governed(self.haproxy.servers(), self.unresolved):
            if self.model.servers[name].in_rotation:
                assert wanted(shall, name) or self._keeps(name)


Membership.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestMembership = Membership.TestCase
BoundMembership.TestCase.settings = Membership.TestCase.settings
TestBoundMembership = BoundMembership.TestCase
RingMembership.TestCase.settings = Membership.TestCase.settings
TestRingMembership = RingMembership.TestCase
