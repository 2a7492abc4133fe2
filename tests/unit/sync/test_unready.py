"""Where all nodes are unready at once, those that served before serve on: what finds them so may be what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pba_lab.modelled import ModelledHAProxy, Watched

from pba_sync.balancer.heeding import Past, heed, remember
from pba_sync.balancer.loop import IDLE_SECONDS
from pba_sync.balancer.planner import wanted
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching.membership import Node

if TYPE_CHECKING:
    from pba_lab.model import HAProxyModel

Nodes = Callable[..., dict[str, Node]]
BEGUN = "no node is ready: those that served before serve on"
ENDED = "no node serves any more that is unready"


def server(name: str, admin: Admin = Admin.READY, *, up: bool = True) -> Server:
    return Server(name, "10.0.0.1", 8080, admin, checked=True, up=up)


def serving(nodes: dict[str, Node], *live: Server, before: frozenset[str] = frozenset()) -> set[str]:
    there = {entry.name: entry for entry in live}
    shall = heed(nodes, there, remember(nodes, there, Past(served=before))).nodes
    return {name for name in shall if wanted(shall, name)}


@pytest.mark.parametrize("up", [True, False])
def test_those_in_rotation_serve_on_whatever_their_checks_say(nodes: Nodes, *, up: bool) -> None:
    told = nodes(n1="unready", n2="unready", n3="draining")
    assert serving(told, *(server(name, up=up) for name in told)) == {"n1", "n2"}


def test_one_that_was_drained_before_the_last_got_unready_comes_back(nodes: Nodes) -> None:
    told = nodes(n1="unready", n2="unready")
    assert serving(told, server("n2"), before=frozenset(("n1", "n2"))) == {"n1", "n2"}
    assert serving(told, server("n1", Admin.DRAIN), server("n2"), before=frozenset(("n1",))) == {"n1", "n2"}


def test_where_another_can_serve_they_do_not(nodes: Nodes) -> None:
    told = nodes(n1="unready", n2="serving")
    assert serving(told, server("n1"), server("n2")) == {"n2"}
    assert serving(told, server("n1"), server("n2", up=False)) == {"n1", "n2"}


def test_an_application_that_starts_is_not_taken_for_one_that_served(nodes: Nodes) -> None:
    assert serving(nodes(n1="unready", n2="unready")) == set()


def test_one_that_is_ready_again_is_believed_though_checks_had_found_it_dead(nodes: Nodes) -> None:
    there = {"n1": server("n1", Admin.DRAIN, up=False), "n2": server("n2")}
    past = remember(nodes(n1="unready", n2="serving"), there, Past())
    for _ in range(2):  # a pass may be broken off
        told = nodes(n1="serving", n2="serving")
        past = remember(told, there, past)
        assert heed(told, there, past).nodes["n1"].ready_again
    there["n1"] = server("n1")
    past = remember(told, there, past)
    there["n1"] = server("n1", up=False)
    past = remember(told, there, past)
    assert heed(told, there, past).nodes == told, "from now on its checks know better"


def test_the_loop_keeps_them_says_so_and_lets_them_go(
    watched: Watched, model: HAProxyModel, nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    board, metrics, loop = watched.board, watched.metrics, watched.loop

    def step() -> tuple[list[str], str]:
        for _ in range(3):
            loop.step()
        text = metrics.text().decode()
        told = next(line for line in text.splitlines() if line.startswith("pba_sync_nodes_unready_serving "))
        return sorted(name for name, live in model.servers.items() if live.in_rotation), told[-3:]

    board.publish(nodes(n1="serving", n2="serving"))
    assert step() == (["n1", "n2"], "0.0")
    board.publish(nodes(n1="unready", n2="serving"))
    assert step() == (["n2"], "0.0")
    board.publish(nodes(n1="unready", n2="unready"))
    assert step() == (["n2"], "2.0"), "it is asked by a check before it gets anything"
    model.servers["n1"].state = 2
    assert step() == (["n1", "n2"], "2.0")
    assert caplog.messages == [BEGUN]
    board.publish(nodes(n1="serving", n2="unready"))
    assert step() == (["n1"], "0.0")
    assert caplog.messages == [BEGUN, ENDED]


def test_the_loop_sees_at_once_that_the_only_ready_one_has_died(
    watched: Watched, model: HAProxyModel, nodes: Nodes
) -> None:
    board, loop = watched.board, watched.loop
    board.publish(nodes(n1="serving", n2="serving"))
    loop.step()
    board.publish(nodes(n1="unready", n2="serving"))
    for _ in range(4):
        loop.step()
    assert set(model.servers) == {"n2"}
    model.servers["n2"].found(well=False)
    assert loop.step() == IDLE_SECONDS, "the next look is as soon"
    assert set(model.servers) == {"n1", "n2"}, "and no time has passed"


def test_one_that_never_served_costs_no_more_looks(
    watched: Watched, model: HAProxyModel, haproxy: ModelledHAProxy, nodes: Nodes
) -> None:
    watched.board.publish(nodes(n1="unready", n2="serving"))
    watched.loop.step()
    haproxy.texts.clear()
    watched.loop.step()
    assert set(model.servers) == {"n2"}
    assert "show servers state nodes" not in haproxy.texts
