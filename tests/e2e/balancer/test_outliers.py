"""A node that turns slow or fails, with the real HAProxy, real requests, and clients that never retry.

The bounds are wide: the machine may be busy. How good it is, `./hack/bench balancer` says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pba_lab import HAProxyProcess
from pba_lab.making import NewSidecar
from pba_lab.patience import eventually
from pba_lab.weighing import weighing

from pba_hack.bench.balancer.load import Load, Nodes, executions, send, serving
from pba_hack.loopback import free_port
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import FULL_WEIGHT
from pba_sync.haproxy.servers import read_servers
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Standings
from pba_sync.judging.phases import Phase
from pba_sync.watching.membership import Node, NodeState

COUNT = 5
RATE = 200.0
BAD = 3
LIMITS = Limits(gap_milliseconds=200.0)
"""A busy machine makes good nodes late by less."""


@pytest.fixture
def configuration(render: Callable[..., str]) -> str:
    """Without retries: what a node fails its clients see, as they see it of POSTs in any case."""
    return render(probes={"readiness": {"path": "/healthz"}}, frontend={"retries": {"budgetPercent": 0}})


@pytest.fixture
def executed(folder: Path) -> Path:
    return folder / "executed"


@pytest.fixture
def nodes(executed: Path) -> Iterator[Nodes]:
    with serving([f"127.0.0.1:{free_port()}" for _ in range(COUNT)], executed) as made:
        made.order("set", delay_ms=18.0, jitter_ms=4.0)
        yield made


@pytest.fixture
def joined(haproxy: HAProxyProcess, nodes: Nodes, new_sidecar: NewSidecar) -> Nodes:
    """All nodes in rotation."""
    sidecar = new_sidecar()
    members = {}
    for number, address in enumerate(nodes.addresses):
        host, _, port = address.rpartition(":")
        members[f"n{number}"] = Node(f"n{number}", host, int(port), NodeState.SERVING)
    sidecar.board.publish(members)
    eventually(lambda: len(weights(haproxy)) == COUNT)
    return nodes


@pytest.fixture
def standings(haproxy: HAProxyProcess, joined: Nodes) -> Iterator[list[Standings]]:
    assert joined
    with weighing(haproxy, LIMITS) as seen:
        yield seen


def weights(haproxy: HAProxyProcess) -> dict[str, int]:
    servers = read_servers(haproxy.ask("show servers state nodes"))
    return {name: server.weight for name, server in servers.items() if server.usable}


class Traffic:
    """Requests in the background."""

    def __init__(self, haproxy: HAProxyProcess, folder: Path, seconds: float, posts: int = 0) -> None:
        self._load: list[Load] = []
        target, records = f"127.0.0.1:{haproxy.port}", folder / "records.csv"

        def work() -> None:
            self._load.append(send(target, records, seconds=seconds, rate=RATE, posts=posts))

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def end(self) -> Load:
        """Return what became of all requests."""
        self._thread.join()
        return self._load[0]


def requests(nodes: Nodes) -> int:
    return nodes.order("report", [BAD])[0]["requests"]


def _has_got(nodes: Nodes, count: int) -> bool:
    return requests(nodes) == count


def phase(standings: list[Standings]) -> Phase:
    return standings[-1].marks[f"n{BAD}"].phase


def test_a_node_that_turns_slow_gets_next_to_no_requests_and_comes_back(
    haproxy: HAProxyProcess, nodes: Nodes, standings: list[Standings], folder: Path
) -> None:
    traffic = Traffic(haproxy, folder, seconds=12.0)
    eventually(lambda: requests(nodes) > 50)
    nodes.order("set", [BAD], delay_ms=1000.0)
    eventually(lambda: phase(standings) is Phase.OUT)
    before = requests(nodes)
    threading.Event().wait(2.0)  # 400 requests, of which its fair share would be 80
    nodes.order("set", [BAD], delay_ms=18.0, jitter_ms=4.0)
    assert requests(nodes) - before <= 1, "none, or its trial on a busy machine"
    eventually(lambda: weights(haproxy) == {f"n{number}": FULL_WEIGHT for number in range(COUNT)})
    assert traffic.end().failures == {}


def test_a_trial_is_one_get_which_is_asked_elsewhere_if_it_fails(
    haproxy: HAProxyProcess, joined: Nodes, folder: Path, executed: Path
) -> None:
    bad = f"n{BAD}"
    haproxy.ask(commands.set_weight(bad, 0).text)
    joined.order("set", [BAD], fail_share=1.0)
    traffic = Traffic(haproxy, folder, seconds=8.0, posts=50)
    eventually(lambda: joined.order("report", [0])[0]["requests"] > 20)
    for given in range(1, 6):
        haproxy.ask(commands.give_trial(bad).text)
        eventually(partial(_has_got, joined, given))
    load = traffic.end()
    assert load.failures == {}
    assert requests(joined) == 5
    joined.end()
    counted = executions(executed)
    assert [one.method for one in load.sent if counted[one.number] == 2] == ["GET"] * 5
    assert set(counted) == {1, 2}
    assert {one.method for one in load.sent} == {"GET", "POST"}


def test_a_node_that_fails_at_once_fails_few_requests_and_no_post_is_sent_twice(
    haproxy: HAProxyProcess, nodes: Nodes, standings: list[Standings], folder: Path, executed: Path
) -> None:
    traffic = Traffic(haproxy, folder, seconds=14.0, posts=30)
    eventually(lambda: requests(nodes) > 50)
    nodes.order("set", [BAD], fail_share=1.0)
    eventually(lambda: standings[-1].marks[f"n{BAD}"].level == 2)  # a trial has failed
    nodes.order("set", [BAD], delay_ms=18.0, jitter_ms=4.0)
    eventually(lambda: phase(standings) is Phase.FULL)
    load = traffic.end()
    # leastconn alone sends it nearly all of 200 each second; trials cost nobody anything. The weigher is a thread of
    # this process, which may stand still for a part of a second: how few it can be the bench says.
    assert set(load.failures) == {"503"}
    assert load.failures["503"] <= RATE
    nodes.end()
    counted = executions(executed)
    assert set(counted) == {1, 2}
    # trials, each asked of another node as well
    assert {one.method for one in load.sent if counted[one.number] > 1} == {"GET"}
    assert counted.count(2) <= 2


def test_an_haproxy_that_restarts_is_told_again_who_is_out(
    haproxy: HAProxyProcess, nodes: Nodes, standings: list[Standings], folder: Path
) -> None:
    traffic = Traffic(haproxy, folder, seconds=8.0)
    eventually(lambda: requests(nodes) > 50)
    nodes.order("set", [BAD], fail_share=1.0)
    eventually(lambda: phase(standings) is Phase.OUT)
    traffic.end()
    haproxy.kill()
    haproxy.start()
    eventually(lambda: len(weights(haproxy)) == COUNT)
    eventually(lambda: weights(haproxy)[f"n{BAD}"] == 0)
