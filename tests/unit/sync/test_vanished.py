"""Nodes of which nothing is told any more, and that answer: they are not given up for a view that may be wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pba_lab.modelled import Watched

from pba_sync.balancer.heeding import Past, heed
from pba_sync.balancer.loop import IDLE_SECONDS
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching.membership import Node

if TYPE_CHECKING:
    from pba_lab.model import HAProxyModel

Nodes = Callable[..., dict[str, Node]]
OUTSIDE = "external_old_10.0.0.3:8080"
BEGUN = "nothing is told of nodes any more: those that pass their checks serve on"
ENDED = "no node serves any more of which nothing is told"


def server(name: str, admin: Admin = Admin.READY, *, up: bool = True) -> Server:
    return Server(name, "10.0.0.1", 8080, admin, checked=True, up=up)


def serving_on(nodes: dict[str, Node], *live: Server) -> set[str]:
    return set(heed(nodes, {entry.name: entry for entry in live}, Past()).nodes) - set(nodes)


def test_those_that_pass_their_checks_serve_on_where_no_other_can(nodes: Nodes) -> None:
    assert serving_on({}, server("n1"), server("n2", up=False)) == {"n1"}
    assert serving_on(nodes(n3="draining"), server("n1")) == {"n1"}
    assert serving_on(nodes(n3="serving"), server("n1"), server("n3", up=False)) == {"n1"}


def test_where_another_can_serve_they_go(nodes: Nodes) -> None:
    assert serving_on(nodes(n3="serving"), server("n1"), server("n3")) == set()
    assert serving_on(nodes(n3="serving"), server("n1")) == set(), "it is about to join"


def test_those_that_were_told_to_go_go() -> None:
    assert serving_on({}, server("n1", Admin.DRAIN), server("n2", Admin.MAINT)) == set()


def test_those_outside_are_taken_out_by_a_word() -> None:
    assert serving_on({}, server(OUTSIDE)) == set()


def test_the_loop_keeps_them_says_so_and_lets_them_go(
    watched: Watched, model: HAProxyModel, nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    board, metrics, loop = watched.board, watched.metrics, watched.loop

    def step() -> tuple[list[str], str]:
        loop.step()
        text = metrics.text().decode()
        told = next(line for line in text.splitlines() if line.startswith("pba_sync_nodes_vanished "))
        return [name for name, live in model.servers.items() if live.in_rotation], told[-3:]

    board.publish(nodes(n1="serving", n2="serving"))
    assert step() == (["n1", "n2"], "0.0")
    board.publish({})
    assert step() == (["n1", "n2"], "2.0")
    assert loop.step() == IDLE_SECONDS
    model.servers["n1"].state = 0
    assert step() == (["n2"], "1.0")
    loop.step()
    assert "n1" not in model.servers
    assert caplog.messages == [BEGUN]
    board.publish(nodes(n3="serving"))
    step()
    assert step() == (["n3"], "0.0")
    assert caplog.messages == [BEGUN, ENDED]
