from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pba_lab.modelled import Clock

from pba_sync.balancer.others import Others, steps, wanted
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.errors import HAProxyUnreachableError
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching.membership import Node

HERE = ("10.0.0.2", 8405)
Make = Callable[..., Node]


def server(address: str = HERE[0], *, checked: bool = True, admin: Admin = Admin.READY) -> Server:
    return Server("b", address, HERE[1], admin, checked, up=True)


def texts(known: Mapping[str, Server], shall: Mapping[str, tuple[str, int]]) -> list[str]:
    return [command.text for command in steps(known, shall)]


ADDED = [
    "add server others/b ipv4@10.0.0.2:8405 check inter 500ms fall 1 rise 2",
    "enable health others/b",
    "set server others/b state drain",
    "set server others/b health down",
    "set server others/b state ready",
]
REMOVED = [
    "set server others/b state maint",
    "wait 100ms srv-removable others/b",
    "del server others/b",
]


def test_those_are_asked_that_the_service_leads_to_and_not_this_one(node: Make) -> None:
    nodes = {
        name: node(name, state, address)
        for name, state, address in (
            ("shop-frontend-1", "serving", "10.0.0.1"),
            ("shop-frontend-2", "serving", "10.0.0.2"),
            ("shop-frontend-3", "draining", "fd00::3"),
            ("shop-management-4", "serving", "10.0.0.4"),
        )
    }
    assert wanted(nodes, "shop-frontend-", {"10.0.0.1"}, 8405) == {
        "shop-frontend-2": HERE,
        "shop-frontend-3": ("fd00::3", 8405),
    }


def test_they_come_move_and_go() -> None:
    assert texts({}, {"b": HERE}) == ADDED
    assert texts({"b": server()}, {"b": HERE}) == []
    assert texts({"b": server("10.0.0.9")}, {"b": HERE}) == REMOVED + ADDED
    assert texts({"b": server()}, {}) == REMOVED
    assert "ipv6@fd00::3:8405" in texts({}, {"c": ("fd00::3", 8405)})[0]


@pytest.mark.parametrize(
    "left", [server(checked=False, admin=Admin.MAINT), server(admin=Admin.MAINT), server(admin=Admin.DRAIN)]
)
def test_what_a_look_that_was_broken_off_has_left_is_completed(left: Server) -> None:
    assert texts({"b": left}, {"b": HERE}) == ADDED[1:]


class Dead:
    """A HAProxy that does not answer."""

    def ask(self, command: Command) -> str:
        raise HAProxyUnreachableError(f"no answer to {command.verb}")

    def run(self, command: Command) -> None:
        raise AssertionError(command)


def test_a_fault_of_ours_is_logged_and_ends_nothing(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    class Odd(Dead):
        def ask(self, command: Command) -> str:
            raise KeyError(command.verb)

    others = Others(Odd(), dict, clock, lambda _: None)
    clock.now += 20.0
    others.step()
    assert (others.looks.ended_at, others.looks.faults) == (clock.now, 1)
    assert "failed on a fault of its own" in caplog.text
    assert "KeyError" in caplog.text


def test_what_fails_is_told_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    others = Others(Dead(), dict, clock, lambda _: None)
    others.step()
    clock.now += 20.0
    others.step()
    assert others.looks.ended_at == clock.now, "an HAProxy that is gone is no fault of ours"
    assert caplog.messages == ["other frontends are not given way to: no answer to show servers state"]
