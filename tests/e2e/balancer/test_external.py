"""Nodes outside of the cluster, by address and by name, beside pods: the real HAProxy, and clients that never retry."""

from __future__ import annotations

import socket
from functools import partial

import pytest
from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import Lookup

from pba_sync.balancer.planner import Kind
from pba_sync.watching import external, resolver
from pba_sync.watching.external import External

HOST = "old.example"


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes be on loopback, where these are; elsewhere that would be the frontend's own pod."""
    monkeypatch.setattr(external, "reachable", lambda text: text)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """What the name server answers; a name that is not there cannot be resolved."""
    monkeypatch.setattr(resolver, "RESOLVE_SECONDS", 0.05)
    return {}


@pytest.fixture
def lookup(names: dict[str, tuple[str, ...]]) -> Lookup:
    def answer(host: str) -> tuple[str, ...]:
        if host not in names:
            raise socket.gaierror(f"no {host}")
        return names[host]

    return answer


async def test_a_machine_serves_beside_pods_and_leaves_without_losing_a_request(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    sidecar = new_sidecar()
    pod, machine = await new_nodes(2, delay_seconds=0.05)
    old = External("old", machine.address, machine.port)
    sidecar.tell_slices([], outside=[old])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(10)
    await eventually_async(lambda: len(machine.executed) > 20)
    sidecar.tell_slices([pod], outside=[old])
    await eventually_async(lambda: pod.executed)
    sidecar.tell_slices([pod])
    name = f"external_old_{machine.address}:{machine.port}"
    await eventually_async(lambda: not sidecar.has(name))
    await clients.stop()
    clients.assert_each_was_executed_once([pod, machine])
    assert sidecar.refused() == []
    assert [change.kind for change in sidecar.changes if change.server == name] == [
        Kind.ADD,
        Kind.DRAIN,
        Kind.REMOVE,
    ]


async def test_a_machine_that_fails_its_checks_is_out_until_it_is_well_again(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """Nobody calls it ready, so it gets nothing before a check has asked it."""
    sidecar = new_sidecar()
    pod, machine = await new_nodes(2)
    machine.health = machine.status = 500
    sidecar.tell_slices([pod])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(4)
    await eventually_async(lambda: pod.executed)
    sidecar.tell_slices([pod], outside=[External("old", machine.address, machine.port)])
    name = f"external_old_{machine.address}:{machine.port}"
    await eventually_async(lambda: sidecar.has(name) and sidecar.haproxy.servers()[name].asked)
    assert sidecar.in_rotation() == {pod.name}
    assert not machine.executed
    machine.health = machine.status = 200
    await eventually_async(lambda: machine.executed)
    await clients.stop()
    assert clients.failed == {}


async def test_a_host_that_moves_is_drained_at_its_old_address_and_served_at_the_new_one(
    haproxy: HAProxyProcess,
    new_sidecar: NewSidecar,
    new_nodes: NewNodes,
    clients: Clients,
    names: dict[str, tuple[str, ...]],
    lookup: Lookup,
) -> None:
    sidecar = new_sidecar(lookup=lookup)
    (before,) = await new_nodes(1, delay_seconds=0.3)
    after = Node("after", delay_seconds=0.3)
    await after.start("127.0.0.2", before.port)
    names[HOST] = (before.address,)
    pid = haproxy.info()["Pid"]
    try:
        sidecar.tell_slices([], outside=[External("old", HOST, before.port)])
        await eventually_async(lambda: sidecar.loop.ready)
        clients.start(6)
        await eventually_async(lambda: before.running)
        names[HOST] = ("127.0.0.2", before.address)
        # Both are its addresses now: it stays where it is.
        await eventually_async(lambda: len(before.executed) > 6)
        assert not after.executed
        names[HOST] = ("127.0.0.2",)
        await eventually_async(lambda: after.executed)
        await eventually_async(lambda: not sidecar.has(f"external_old_{before.address}:{before.port}"))
        names.clear()
        answered = len(after.executed)
        await eventually_async(lambda: len(after.executed) > answered + 12)
        await clients.stop()
    finally:
        after.kill()
    clients.assert_each_was_executed_once([before, after])
    assert Kind.CUT_OFF not in {change.kind for change in sidecar.changes}
    assert haproxy.info()["Pid"] == pid


async def test_a_sidecar_that_starts_without_a_name_server_leaves_what_haproxy_knows_in_rotation(
    new_sidecar: NewSidecar,
    new_nodes: NewNodes,
    clients: Clients,
    names: dict[str, tuple[str, ...]],
    lookup: Lookup,
) -> None:
    pod, machine = await new_nodes(2)
    old = External("old", HOST, machine.port)
    name = f"external_old_{machine.address}:{machine.port}"
    names[HOST] = (machine.address,)
    former = new_sidecar(lookup=lookup)
    former.tell_slices([pod], outside=[old])
    await eventually_async(lambda: former.in_rotation() == {pod.name, name})
    former.kill()

    names.clear()
    sidecar = new_sidecar(lookup=lookup)
    sidecar.tell_slices([pod], outside=[old])
    await eventually_async(lambda: sidecar.board.view is not None and not sidecar.board.view.awaited)
    clients.start(4)
    await eventually_async(partial(lambda at: len(machine.executed) > at + 20, len(machine.executed)))
    assert sidecar.in_rotation() == {pod.name, name}
    sidecar.tell_slices([pod])
    await eventually_async(lambda: not sidecar.has(name))
    await clients.stop()
    assert clients.failed == {}
