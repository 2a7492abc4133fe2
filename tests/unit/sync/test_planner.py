from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pba_sync.balancer.planner import Change, Kind, Terms, drain_clock, plan
from pba_sync.haproxy.affinity import NO_AFFINITY, Affinity
from pba_sync.haproxy.commands import Check
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching.membership import Node

Nodes = Callable[..., dict[str, Node]]
DRAIN_SECONDS = 30.0
BOUND = Affinity("Cookie", "key", keep_seconds=20.0)
TERMS = Terms(DRAIN_SECONDS, Check(500, 2, 2), 100)
BY_ADDRESS = Affinity("ClientIP", keep_seconds=20.0)


def server(
    name: str, admin: Admin = Admin.READY, *, in_use: int = 0, checked: bool = True, up: bool = True
) -> Server:
    return Server(name, f"10.0.0.{name[1:]}", 8080, admin, checked, up, in_use)


def changes(
    nodes: dict[str, Node], *servers: Server, drained_for: float = 0.0, affinity: Affinity = NO_AFFINITY
) -> tuple[Change, ...]:
    live = {entry.name: entry for entry in servers}
    now = 1000.0
    terms = replace(TERMS, affinity=affinity)
    return plan(nodes, live, dict.fromkeys(live, now - drained_for), now, terms)


def verbs(*planned: Change) -> list[str]:
    return [command.verb for change in planned for command in change.commands]


def test_a_new_node_serves_without_waiting_for_a_check(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="serving"))
    assert change.kind is Kind.ADD
    assert verbs(change) == ["add server", "enable health", "set ready", "set healthy"]


@pytest.mark.parametrize(
    ("affinity", "alone", "beside"), [(NO_AFFINITY, 128, 16), (BOUND, 128, 16), (BY_ADDRESS, 16, 16)]
)
def test_a_node_joins_others_with_an_eighth_of_its_share_unless_clients_belong_there(
    nodes: Nodes, affinity: Affinity, alone: int, beside: int
) -> None:
    def weight(*servers: Server) -> str:
        (change,) = changes(nodes(n1="serving", n2="serving"), *servers, affinity=affinity)[-1:]
        assert (change.kind, change.server) == (Kind.ADD, "n2")
        return change.commands[0].text

    assert f" weight {beside} " in weight(server("n1"))
    assert f" weight {alone} " in weight(server("n1", up=False)), "where no other serves, it takes all"
    assert f" weight {alone} " in weight()


def test_a_node_that_comes_back_begins_with_an_eighth_too(nodes: Nodes) -> None:
    gone = replace(server("n1", Admin.DRAIN), weight=128)
    (change,) = changes(nodes(n1="serving", n2="serving"), gone, server("n2"))
    assert verbs(change) == ["set weight", "set ready"]
    (change,) = changes(nodes(n1="serving"), gone)
    assert verbs(change) == ["set ready"]


def test_a_node_that_never_served_is_not_added_to_drain(nodes: Nodes) -> None:
    assert changes(nodes(n1="draining")) == ()


def test_what_is_as_it_should_be_is_left_alone(nodes: Nodes) -> None:
    assert changes(nodes(n1="serving"), server("n1")) == ()


def test_a_server_that_its_checks_found_dead_is_left_to_its_checks(nodes: Nodes) -> None:
    assert changes(nodes(n1="serving"), server("n1", up=False)) == ()


def test_a_node_that_leaves_is_drained_first(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="draining"), server("n1", in_use=3))
    assert (change.kind, verbs(change)) == (Kind.DRAIN, ["set drain"])


def test_running_requests_are_waited_for(nodes: Nodes) -> None:
    busy = server("n1", Admin.DRAIN, in_use=1)
    assert changes(nodes(n1="draining"), busy, drained_for=DRAIN_SECONDS - 0.1) == ()


def test_a_drained_node_without_requests_is_removed(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="draining"), server("n1", Admin.DRAIN))
    assert (change.kind, verbs(change)) == (Kind.REMOVE, ["set maint", "wait", "del server"])


def test_at_the_deadline_what_still_runs_is_ended(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="draining"), server("n1", Admin.DRAIN, in_use=1), drained_for=DRAIN_SECONDS)
    assert change.kind is Kind.CUT_OFF
    assert verbs(change) == ["set maint", "shutdown sessions", "wait", "del server"]


def test_an_interrupted_removal_is_taken_up_again(nodes: Nodes) -> None:
    (change,) = changes(nodes(), server("n1", Admin.MAINT))
    assert verbs(change) == ["wait", "del server"]


def test_a_pod_that_vanished_is_drained_like_one_that_terminates(nodes: Nodes) -> None:
    (change,) = changes(nodes(n2="serving"), server("n1"), server("n2"))
    assert (change.kind, change.server) == (Kind.DRAIN, "n1")


@pytest.mark.parametrize("up", [True, False])
def test_a_node_returns_from_drain_as_its_checks_have_found_it(nodes: Nodes, *, up: bool) -> None:
    (change,) = changes(nodes(n1="serving"), server("n1", Admin.DRAIN, up=up))
    assert (change.kind, verbs(change)) == (Kind.RETURN, ["set ready"])


@pytest.mark.parametrize(
    ("admin", "words"),
    [(Admin.DRAIN, ["set ready", "set healthy"]), (Admin.READY, ["set healthy"])],
    ids=["drained", "let in while no other was ready"],
)
def test_one_that_has_just_become_ready_again_serves_without_waiting_for_a_check(
    node: Callable[..., Node], admin: Admin, words: list[str]
) -> None:
    again = {"n1": replace(node("n1"), ready_again=True)}
    (change,) = changes(again, server("n1", admin, up=False))
    assert (change.kind, verbs(change)) == (Kind.RETURN, words)


@pytest.mark.parametrize("live", [(), (Admin.MAINT,)], ids=["new", "released"])
@pytest.mark.parametrize(
    ("beside", "words"),
    [
        (server("n2"), ["set unhealthy"]),
        (server("n2", up=False), []),
        (server("n2", Admin.DRAIN), []),
        (server("n3"), []),
    ],
    ids=["another serves", "none is up", "none is in rotation", "the only one goes"],
)
def test_one_that_nobody_calls_ready_is_asked_by_a_check_first_while_another_serves(
    node: Callable[..., Node], live: tuple[Admin, ...], beside: Server, words: list[str]
) -> None:
    """Alone it is sent what comes, until the first check that fails; so clients that belong there find it."""
    told = {"n1": replace(node("n1"), proven=False), "n2": node("n2")}
    servers = [server("n1", admin, checked=False) for admin in live]
    (change,) = [change for change in changes(told, *servers, beside) if change.server == "n1"]
    steps = ["enable health", "set ready", *words]
    assert verbs(change) == (steps if live else ["add server", *steps])


def test_a_server_that_was_only_half_added_is_completed(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="serving"), server("n1", Admin.MAINT, checked=False))
    assert verbs(change) == ["enable health", "set ready", "set healthy"]


def test_a_server_without_checks_gets_them(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="serving"), server("n1", checked=False))
    assert verbs(change) == ["enable health"]


def test_a_pod_under_another_address_is_another_server(node: Callable[..., Node]) -> None:
    moved = {"n1": node("n1", address="10.9.9.9")}
    (change,) = changes(moved, server("n1", in_use=5))
    assert change.kind is Kind.CUT_OFF
    assert verbs(change)[-1] == "del server"


def test_nodes_go_out_of_rotation_before_others_come_in(nodes: Nodes) -> None:
    wanted = nodes(n1="draining", n2="serving", n3="serving")
    kinds = [change.kind for change in changes(wanted, server("n1"), server("n2"))]
    assert kinds == [Kind.DRAIN, Kind.ADD]


def test_the_last_node_stays_until_its_successor_is_in(nodes: Nodes) -> None:
    kinds = [change.kind for change in changes(nodes(n1="draining", n2="serving"), server("n1"))]
    assert kinds == [Kind.ADD, Kind.DRAIN]


def test_removals_come_last(nodes: Nodes) -> None:
    wanted = nodes(n2="serving", n3="serving")
    kinds = [change.kind for change in changes(wanted, server("n1", Admin.DRAIN), server("n2"))]
    assert kinds == [Kind.ADD, Kind.REMOVE]


def test_the_drain_clock_starts_once_and_stops_when_the_node_returns(nodes: Nodes) -> None:
    live = {"n1": server("n1"), "n2": server("n2")}
    first = drain_clock(nodes(n1="draining", n2="serving"), live, {}, 10.0)
    assert first == {"n1": 10.0}
    assert drain_clock(nodes(n1="draining", n2="draining"), live, first, 20.0) == {"n1": 10.0, "n2": 20.0}
    assert drain_clock(nodes(n1="serving", n2="serving"), live, first, 20.0) == {}
    assert drain_clock(nodes(), {}, first, 20.0) == {}


def going(node: Callable[..., Node]) -> dict[str, Node]:
    """Return a node that goes, and still serves."""
    return {"n1": replace(node("n1", "draining"), keeps_clients=True)}


def test_a_new_node_gets_its_cookie(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="serving"), affinity=BOUND)
    assert change.commands[0].text.endswith(f" cookie {BOUND.cookie('n1')}")


def test_a_node_that_goes_takes_its_clients_on_although_nothing_runs(node: Callable[..., Node]) -> None:
    (change,) = changes(going(node), server("n1"), affinity=BOUND)
    assert (change.kind, verbs(change)) == (Kind.DRAIN, ["set drain"])
    idle = server("n1", Admin.DRAIN)
    assert changes(going(node), idle, drained_for=BOUND.keep_seconds - 0.1, affinity=BOUND) == ()
    (change,) = changes(going(node), idle, drained_for=BOUND.keep_seconds, affinity=BOUND)
    assert (change.kind, verbs(change)) == (Kind.REMOVE, ["set maint", "wait", "del server"])


def test_at_their_deadline_clients_leave_and_what_runs_goes_on(node: Callable[..., Node]) -> None:
    busy = server("n1", Admin.DRAIN, in_use=2)
    (change,) = changes(going(node), busy, drained_for=BOUND.keep_seconds, affinity=BOUND)
    assert (change.kind, verbs(change)) == (Kind.RELEASE, ["set maint"])
    released = server("n1", Admin.MAINT, in_use=2)
    assert changes(going(node), released, drained_for=DRAIN_SECONDS - 0.1, affinity=BOUND) == ()
    (change,) = changes(going(node), released, drained_for=DRAIN_SECONDS, affinity=BOUND)
    assert (change.kind, verbs(change)) == (Kind.CUT_OFF, ["shutdown sessions", "wait", "del server"])


@pytest.mark.parametrize("admin", [Admin.READY, Admin.DRAIN])
@pytest.mark.parametrize("vanished", [True, False])
def test_clients_leave_at_once_a_node_that_does_not_serve(
    nodes: Nodes, admin: Admin, *, vanished: bool
) -> None:
    told = nodes() if vanished else nodes(n1="draining")
    (change,) = changes(told, server("n1", admin, in_use=1), affinity=BOUND)
    assert (change.kind, verbs(change)) == (Kind.RELEASE, ["set maint"])


def test_a_node_that_was_released_returns_whole(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="serving"), server("n1", Admin.MAINT, in_use=1), affinity=BOUND)
    assert (change.kind, verbs(change)) == (Kind.RETURN, ["set ready", "set healthy"])


def test_the_last_node_is_released_only_when_its_successor_is_in(nodes: Nodes) -> None:
    kinds = [change.kind for change in changes(nodes(n2="serving"), server("n1"), affinity=BOUND)]
    assert kinds == [Kind.ADD, Kind.RELEASE]


def test_a_node_that_goes_stays_on_the_ring_until_its_clients_leave(node: Callable[..., Node]) -> None:
    told = {**going(node), "n2": node("n2")}
    kept = changes(
        told, server("n1"), server("n2"), drained_for=BY_ADDRESS.keep_seconds - 0.1, affinity=BY_ADDRESS
    )
    assert kept == ()
    (change,) = changes(
        told, server("n1"), server("n2"), drained_for=BY_ADDRESS.keep_seconds, affinity=BY_ADDRESS
    )
    assert (change.kind, verbs(change)) == (Kind.DRAIN, ["set drain"])


def test_off_the_ring_a_node_keeps_nobody(node: Callable[..., Node], nodes: Nodes) -> None:
    (change,) = changes(going(node), server("n1", Admin.DRAIN), affinity=BY_ADDRESS)
    assert change.kind is Kind.REMOVE
    assert changes(going(node), server("n1", Admin.DRAIN, in_use=1), affinity=BY_ADDRESS) == ()
    (change,) = changes(nodes(n1="draining"), server("n1"), affinity=BY_ADDRESS)
    assert (change.kind, verbs(change)) == (Kind.DRAIN, ["set drain"])
