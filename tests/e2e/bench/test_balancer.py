"""The cases of `hack/bench balancer` measure what they say, once and briefly."""

from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path

import pytest
from pba_lab.haproxy import started
from pba_lab.patience import eventually

from pba_hack.bench.balancer import equal, faults, kill, lab
from pba_hack.bench.balancer.cases import CASES
from pba_hack.bench.balancer.load import WELL, Load, executions, send, serving
from pba_hack.bench.balancer.peers import PEERS, haproxy
from pba_hack.bench.balancer.peers.names import LEAST, binding
from pba_hack.bench.case import Measured, Trial
from pba_hack.bench.samples import Series
from pba_hack.loopback import free_port
from pba_hack.progress import Progress
from pba_sync.haproxy.commands import FULL_WEIGHT

NODES = 11
STALLED_SECONDS = 0.4
"""Nodes answer within 20 ms: an answer that took longer says that the machine stood still."""
TRIES = 3


def measured(case: str, folder: Path) -> Measured:
    """Measure the short form of a case."""
    return next(one for one in CASES if one.id == case).measure(Trial(folder, Progress(), short=True))


def assert_nothing_was_lost(of: Measured) -> None:
    """The others may lose some: Caddy puts out a node that a busy machine kept waiting."""
    assert re.fullmatch(
        r"requests failed: 0 of the frontend, \d+ of others; 0 were executed twice", of.notes[0]
    ), of.notes[0]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_sends_each_request_once_and_to_all_nodes(name: str, tmp_path: Path) -> None:
    PEERS[name].provide()
    for _ in range(TRIES):
        load, failing, used, executed = _sent_through(name, tmp_path)
        # five late answers are five failures to Caddy: all nodes would be out
        if load.latency(1.0) < STALLED_SECONDS:
            break
    assert load.failures == {}
    assert sorted(load.by_node) == sorted(map(str, range(NODES)))
    assert used > 0
    counts = executed.ljust(len(load.sent) + len(failing.sent), b"\0")
    assert set(counts[: len(load.sent)]) == {1}
    # no request of any method is tried again, whatever its node says, unless the peer's name says so: then GETs are;
    # one that has put all nodes out answers by itself
    assert set(failing.failures) == {"503"}
    assert len(failing.sent) == failing.failures.total()
    again = {one.method for one in [*load.sent, *failing.sent] if counts[one.number] > 1}
    assert again == ({"GET"} if "retries" in name else set())


def _sent_through(name: str, folder: Path) -> tuple[Load, Load, float, bytes]:
    """Return what became of requests while all nodes are well, and while all fail; what it cost; what was executed."""
    port, executed, records = free_port(), folder / "executed", folder / "records.csv"
    # no addresses that clients of other tests come from: their connections linger
    addresses = [f"127.0.200.{number + 1}:{port}" for number in range(NODES)]
    with serving(addresses, executed) as nodes, PEERS[name].run(addresses) as balancer:
        nodes.order("set", None, **WELL)
        load = send(balancer.target, records, seconds=2.0, rate=200, posts=20)
        used = balancer.processor_seconds()
        nodes.order("set", None, fail_share=1.0)
        failing = send(balancer.target, records, seconds=0.4, rate=50, posts=20, first=400)
    return load, failing, used, executions(executed)


@pytest.mark.parametrize("figure", ["cpu", "throughput"])
def test_the_frontend_is_measured_beside_the_same_haproxy_and_others(figure: str, tmp_path: Path) -> None:
    of = measured(f"equal-{figure}", tmp_path)
    (one,) = of.samples.raw()["rounds"]
    # the reach is the bench's; here only that none is nothing, and nothing was lost on the way
    assert min(one["project"], one["floor"], *one["peers"].values()) > 0
    assert set(one["peers"]) == set(equal.OTHERS)
    assert_nothing_was_lost(of)


@pytest.mark.parametrize("case", ["slow-hits-3", "failing"])
def test_a_node_turns_bad_behind_the_frontend_and_behind_its_peers(case: str, tmp_path: Path) -> None:
    of = measured(case, tmp_path)
    assert len(of.samples.raw()["figures"]) == 1
    by_peer = dict(note.split(": ") for note in of.notes if note.partition(":")[0] in PEERS)
    assert set(by_peer) >= set(faults.OTHERS)
    # leastconn takes a node that fails at once for a fast one, and sends a slow one some, and all have it back
    assert float(by_peer[LEAST]) > 0


@pytest.mark.parametrize("case", ["spread-change-3", "join-p99", "burst-out", "burst-in", "sidecar-memory"])
def test_nothing_is_lost_while_nodes_come_and_go_and_the_sidecar_is_looked_at(
    case: str, tmp_path: Path
) -> None:
    of = measured(case, tmp_path)
    assert of.samples.raw()["figures"][0] > 0
    assert_nothing_was_lost(of)


def test_a_killed_node_costs_who_retries_no_get_and_moves_its_own_clients_alone(tmp_path: Path) -> None:
    of = measured("kill-failed-cookie", tmp_path)
    by_peer = dict(note.rsplit(": ", 1) for note in of.notes if note.rpartition(": ")[0] in PEERS)
    assert set(by_peer) == set(kill.BINDING_PEERS)
    assert float(by_peer[binding(LEAST)]) == 0
    assert of.samples.raw()["figures"] == [0]
    # without a cookie a client would be on another node with nearly every request
    assert f"{kill.STRAYED}0" in of.notes


def test_weights_are_looked_at_while_a_node_is_slow(tmp_path: Path) -> None:
    raw = measured("weights-slow5", tmp_path).samples.raw()
    assert raw["figures"][0] >= 1
    _, weight, share = Series.read(raw["series"]).charts
    assert {FULL_WEIGHT, 0} <= set(weight.lines["the node"])
    assert min(share.lines["the node"]) < 0.5


def test_a_picker_in_lua_loses_count_of_nothing_and_picks_no_node_that_drains(tmp_path: Path) -> None:
    addresses = [f"127.0.202.{number + 1}:{free_port()}" for number in range(3)]
    text = haproxy.configuration(addresses, picker=haproxy.PICKER)
    with serving(addresses, tmp_path / "executed") as nodes, started(text) as process:
        haproxy.await_nodes(process, 3, haproxy.BACKEND)
        nodes.order("set", delay_ms=300.0)
        _break_off(process.port, 60)
        eventually(lambda: process.counters("BACKEND")["scur"] == "0")
        nodes.order("set", None, **WELL)
        process.ask(f"set server {haproxy.BACKEND}/node-1 state drain")
        target, records = f"127.0.0.1:{process.port}", tmp_path / "records.csv"
        drained = send(target, records, seconds=1.0, rate=100)
        process.ask(f"set server {haproxy.BACKEND}/node-1 state ready")
        load = send(target, records, seconds=3.0, rate=100, first=100)
    assert drained.failures == load.failures == {}
    assert set(drained.by_node) == {"0", "2"}
    # each as if nobody had ever broken off: with twenty left over, a node would get nothing. One that a busy machine
    # kept waiting for long is left by one of the two threads, which is half of its hundred
    assert all(40 <= count <= 160 for count in load.by_node.values())
    assert set(load.by_node) == {"0", "1", "2"}


def _break_off(port: int, count: int) -> None:
    """Ask so many times at once, and leave before anybody has answered."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")


def test_the_network_has_room_for_so_many_nodes_and_says_when_not() -> None:
    assert lab.addresses(1000)[-1] == "10.203.131.232:8080"
    with pytest.raises(ValueError, match="5000 nodes"):
        lab.addresses(5000)
