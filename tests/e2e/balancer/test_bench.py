"""The cases of `hack/bench balancer` measure what they say, once and briefly."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.bench.balancer import equal, faults, kill, lab
from pba_hack.bench.balancer.cases import CASES
from pba_hack.bench.balancer.load import WELL, executions, send, serving
from pba_hack.bench.balancer.peers import PEERS, RETRYING
from pba_hack.bench.balancer.peers.names import LEAST, retrying
from pba_hack.bench.case import Measured, Trial
from pba_hack.loopback import free_port
from pba_hack.progress import Progress

NODES = 11


def measured(case: str, folder: Path) -> Measured:
    """Measure the short form of a case."""
    return next(one for one in CASES if one.id == case).measure(Trial(folder, Progress(), short=True))


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_sends_each_request_once_and_to_all_nodes(name: str, tmp_path: Path) -> None:
    port, executed = free_port(), tmp_path / "executed"
    # no addresses that clients of other tests come from: their connections linger
    addresses = [f"127.0.200.{number + 1}:{port}" for number in range(NODES)]
    PEERS[name].provide()
    with serving(addresses, executed) as nodes, PEERS[name].run(addresses) as balancer:
        nodes.order("set", None, **WELL)
        load = send(balancer.target, tmp_path / "records.csv", seconds=2.0, rate=200, posts=20)
        used = balancer.processor_seconds()
        nodes.order("set", None, fail_share=1.0)
        failing = send(balancer.target, tmp_path / "records.csv", seconds=0.4, rate=50, posts=20, first=400)
    assert load.failures == {}
    assert sorted(load.by_node) == sorted(map(str, range(NODES)))
    assert used > 0
    counts = executions(executed).ljust(len(load.sent) + len(failing.sent), b"\0")
    assert set(counts[: len(load.sent)]) == {1}
    # no request of any method is tried again, whatever its node says, unless the peer's name says so: then GETs are;
    # one that has put all nodes out answers by itself
    assert set(failing.failures) == {"503"}
    assert len(failing.sent) == failing.failures.total()
    again = {one.method for one in [*load.sent, *failing.sent] if counts[one.number] > 1}
    assert again == ({"GET"} if name in map(retrying, RETRYING) else set())


@pytest.mark.parametrize("figure", ["cpu", "throughput"])
def test_the_frontend_is_measured_beside_the_same_haproxy_and_others(figure: str, tmp_path: Path) -> None:
    of = measured(f"equal-{figure}", tmp_path)
    (one,) = of.samples.raw()["rounds"]
    # the reach is the bench's; here only that none is nothing, and nothing was lost on the way
    assert min(one["project"], one["floor"], *one["peers"].values()) > 0
    assert set(one["peers"]) == set(equal.OTHERS)
    assert of.notes[0] == "0 requests failed, 0 were executed twice"


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
    assert of.notes[0] == "0 requests failed, 0 were executed twice"


def test_a_killed_node_costs_a_haproxy_that_retries_no_get(tmp_path: Path) -> None:
    of = measured("kill-failed", tmp_path)
    by_peer = dict(note.rsplit(": ", 1) for note in of.notes if note.rpartition(": ")[0] in PEERS)
    assert set(by_peer) == set(kill.PEERS)
    assert float(by_peer[retrying(LEAST)]) == 0


def test_the_network_has_room_for_so_many_nodes_and_says_when_not() -> None:
    assert lab.addresses(1000)[-1] == "10.203.131.232:8080"
    with pytest.raises(ValueError, match="5000 nodes"):
        lab.addresses(5000)
