"""Nodes that somebody drains by hand: they stay, without new requests, and never leave nobody that serves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pba_lab.model import HAProxyModel
from pba_lab.modelled import Watched
from prometheus_client import generate_latest

from pba_sync.balancer.heeding import Past, heed
from pba_sync.balancer.loop import IDLE_SECONDS
from pba_sync.balancer.planner import Change, Kind, Terms, drain_clock, plan
from pba_sync.haproxy.commands import Check
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching.membership import Node

Nodes = Callable[..., dict[str, Node]]
REFUSED = "nodes that are drained by hand serve on: no other node can serve"
HEEDED = "other nodes can serve: those that are drained by hand get no new requests"

TERMS = Terms(30.0, Check(500, 2, 2), 100)


def server(
    name: str, admin: Admin = Admin.READY, *, in_use: int = 0, checked: bool = True, up: bool = True
) -> Server:
    return Server(name, f"10.0.0.{name[1:]}", 8080, admin, checked, up, in_use)


def changes(nodes: dict[str, Node], *servers: Server) -> tuple[Change, ...]:
    live = {entry.name: entry for entry in servers}
    return plan(heed(nodes, live, Past()).nodes, live, {}, 1000.0, TERMS)


def verbs(change: Change) -> list[str]:
    return [command.verb for command in change.commands]


def test_it_is_drained_and_stays_however_long(nodes: Nodes) -> None:
    told = nodes(n1="drained", n2="serving")
    (change,) = changes(told, server("n1", in_use=2), server("n2"))
    assert (change.kind, change.server, verbs(change)) == (Kind.DRAIN, "n1", ["set drain"])
    live = {"n1": server("n1", Admin.DRAIN, in_use=2), "n2": server("n2")}
    assert changes(told, *live.values()) == ()
    assert drain_clock(told, live, {}, 0.0) == {}, "no deadline runs"


def test_it_comes_back(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="serving", n2="serving"), server("n1", Admin.DRAIN), server("n2"))
    assert (change.kind, verbs(change)) == (Kind.RETURN, ["set ready"])


def test_one_that_goes_is_removed_though_it_is_drained_by_hand(nodes: Nodes) -> None:
    (change,) = changes(nodes(n1="draining", n2="serving"), server("n1", Admin.DRAIN), server("n2"))
    assert change.kind is Kind.REMOVE


def test_a_haproxy_that_restarted_gets_it_back_drained(nodes: Nodes) -> None:
    serving, drained = changes(nodes(n1="drained", n2="serving"))[::-1]
    assert {serving.server, drained.server} == {"n1", "n2"}
    by_server = {change.server: change for change in (serving, drained)}
    assert verbs(by_server["n1"]) == ["add server", "enable health", "set drain", "set healthy"]
    assert by_server["n1"].kind is Kind.DRAIN
    assert by_server["n2"].kind is Kind.ADD


@pytest.mark.parametrize(
    ("half", "steps"),
    [
        (server("n1", Admin.MAINT, checked=False), ["enable health", "set drain"]),
        (server("n1", Admin.MAINT), ["set drain"]),
        (server("n1", Admin.DRAIN, checked=False), ["enable health"]),
    ],
)
def test_what_a_broken_off_pass_left_is_completed(nodes: Nodes, half: Server, steps: list[str]) -> None:
    (change,) = changes(nodes(n1="drained", n2="serving"), half, server("n2"))
    assert verbs(change) == steps


def test_the_last_that_can_serve_is_not_drained(nodes: Nodes) -> None:
    assert changes(nodes(n1="drained"), server("n1")) == ()
    assert changes(nodes(n1="drained", n2="draining"), server("n1")) == ()
    assert changes(nodes(n1="drained", n2="serving"), server("n1"), server("n2", up=False)) == ()


def test_a_node_that_is_about_to_join_counts(nodes: Nodes) -> None:
    for newcomer in ((), (server("n2", Admin.MAINT, up=False),)):
        drained = [c.server for c in changes(nodes(n1="drained", n2="serving"), server("n1"), *newcomer)]
        assert drained[-1] == "n1", "the other one first"


def test_it_comes_back_when_the_others_have_died(nodes: Nodes) -> None:
    told = nodes(n1="drained", n2="serving", n3="drained")
    found = changes(told, server("n1", Admin.DRAIN), server("n2", up=False), server("n3", Admin.DRAIN))
    assert [(change.kind, change.server) for change in found] == [(Kind.RETURN, "n1"), (Kind.RETURN, "n3")]


@pytest.mark.parametrize("up", [True, False])
def test_it_comes_back_as_its_checks_have_found_it(nodes: Nodes, *, up: bool) -> None:
    """Its machine may be what is being mended."""
    told = nodes(n1="drained", n2="serving")
    (change,) = changes(told, server("n1", Admin.DRAIN, up=up), server("n2", up=False))
    assert (change.kind, change.server, verbs(change)) == (Kind.RETURN, "n1", ["set ready"])


def test_one_that_is_let_back_while_it_is_down_takes_nobodys_place(nodes: Nodes) -> None:
    back = server("n2", Admin.DRAIN, up=False)
    (change,) = changes(nodes(n1="drained", n2="serving"), server("n1"), back)
    assert (change.server, verbs(change)) == ("n2", ["set ready"]), "n1 serves on until n2 is well"


def test_the_loop_says_so_once_and_looks_again_soon(
    watched: Watched, model: HAProxyModel, nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    board, metrics, loop = watched.board, watched.metrics, watched.loop

    def told(state: str) -> str:
        text = generate_latest(metrics.registry).decode()
        assert f'pba_sync_nodes{{state="drained"}} {state}' in text
        return next(line for line in text.splitlines() if line.startswith("pba_sync_drains_unheeded "))

    board.publish(nodes(n1="drained", n2="serving"))
    loop.step()
    assert model.servers["n1"].admin != 0
    model.servers["n1"].found(well=True)
    assert told("1.0") == "pba_sync_drains_unheeded 0.0"
    model.servers["n2"].state = 0
    assert loop.step() == IDLE_SECONDS
    assert model.servers["n1"].in_rotation
    assert told("1.0") == "pba_sync_drains_unheeded 1.0"
    loop.step()
    assert caplog.messages == [REFUSED]
    model.servers["n2"].state = 2
    loop.step()
    assert not model.servers["n1"].in_rotation
    assert told("1.0") == "pba_sync_drains_unheeded 0.0"
    assert caplog.messages == [REFUSED, HEEDED]
