"""More is asked than nodes can bear, or may: a real HAProxy, nodes that count what runs on them, bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.haproxy import OVERSHOOT, started
from pba_lab.making import NewFrontend, NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import TERMS, SidecarLoop
from pba_lab.wire_client import asked, request, said, status

from pba_api.sidecar import TABLE_CLIENTS
from pba_operator.domain.frontend.overload import CROWDED, FAIR_SHARE, MAX_WAITING
from pba_sync.judging import answers as told

CLIENTS = 40


@pytest.fixture
def configuration(render: Callable[..., str], request: pytest.FixtureRequest) -> str:
    return render(
        frontend={
            "timeouts": {"queueSeconds": 1, "clientSeconds": 3},
            "limits": getattr(request, "param", {}),
        }
    )


async def joined(sidecar: SidecarLoop, nodes: list[Node]) -> None:
    sidecar.tell(nodes)
    await eventually_async(lambda: len(sidecar.in_rotation()) == len(nodes))


async def statuses(port: int, count: int) -> Counter[int]:
    answers = await asyncio.gather(*(said(port, request(method="POST")) for _ in range(count)))
    return Counter(status(answer) for answer in answers)


async def test_no_node_gets_more_at_a_time_than_it_may_and_what_waits_too_long_is_told_when_to_come_again(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    nodes = await new_nodes(2, delay_seconds=0.4)
    sidecar = new_sidecar()
    sidecar.share = 3
    await joined(sidecar, nodes)
    began = time.monotonic()
    answers = await asyncio.gather(*(said(haproxy.port, request(method="POST")) for _ in range(CLIENTS)))
    ends = Counter(status(answer) for answer in answers)
    assert all(3 <= node.most <= 3 + OVERSHOOT for node in nodes)
    assert set(ends) == {200, 503}
    assert ends[200] >= 6, "at least the first round"
    assert ends[200] == sum(node.executed.total() for node in nodes), "who is refused was not executed"
    assert told.refused(told.parsed(sidecar.haproxy.answers())) == {"503": ends[503]}
    refused = next(answer for answer in answers if status(answer) == 503).lower()
    assert b"retry-after: 5" in refused
    assert time.monotonic() - began < 15.0


async def test_what_is_one_too_many_to_wait_is_refused_at_once(
    configuration: str, new_nodes: NewNodes
) -> None:
    """With a bound of three, as the real one needs thousands of connections."""
    (node,) = await new_nodes(1, delay_seconds=0.3)
    bound = f"queue gt {MAX_WAITING}"
    assert bound in configuration
    with started(configuration.replace(bound, "queue gt 3")) as haproxy:
        sidecar = SidecarLoop(haproxy, TERMS)
        sidecar.share = 1
        try:
            await joined(sidecar, [node])
            ends = await statuses(haproxy.port, CLIENTS)
        finally:
            sidecar.kill()
        refused = haproxy.log.read_text().count('"end": "PR')
    assert set(ends) == {200, 503}
    # One runs and four wait; while they are received, one or another may end.
    assert CLIENTS - 10 <= refused < CLIENTS
    assert node.executed.total() == ends[200]


async def test_frontends_share_what_a_node_may_have_and_another_one_changes_the_shares(
    haproxy: HAProxyProcess, configuration: str, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    (node,) = await new_nodes(1, delay_seconds=0.2)
    first = new_sidecar()
    first.share = 4
    await joined(first, [node])
    await statuses(haproxy.port, CLIENTS)
    assert 4 <= node.most <= 4 + OVERSHOOT
    with started(configuration) as other:
        second = SidecarLoop(other, TERMS)
        try:
            first.share = second.share = 2
            await joined(second, [node])
            await eventually_async(lambda: haproxy.counters(node.name)["slim"] == "2")
            await eventually_async(lambda: node.running == 0)
            node.most = 0
            await asyncio.gather(statuses(haproxy.port, CLIENTS), statuses(other.port, CLIENTS))
            assert 4 <= node.most <= 4 + 2 * OVERSHOOT, "two of each"
        finally:
            second.kill()


class SlowClients:
    """Clients that begin requests and never end them: half a head, or a head and half of a small body."""

    def __init__(self) -> None:
        self._writers: list[asyncio.StreamWriter] = []

    async def begin(self, port: int, text: bytes, count: int) -> None:
        for _ in range(count):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text)
            self._writers.append(writer)

    def end(self) -> None:
        for writer in self._writers:
            writer.close()


@pytest.fixture
async def slow_clients() -> AsyncIterator[SlowClients]:
    clients = SlowClients()
    yield clients
    clients.end()


async def test_slow_clients_and_huge_heads_take_nothing_from_others(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, slow_clients: SlowClients
) -> None:
    (node,) = await new_nodes(1)
    sidecar = new_sidecar()
    sidecar.share = 2
    await joined(sidecar, [node])
    await slow_clients.begin(haproxy.port, b"GET / HTTP/1.1\r\nHost: lab\r\nX-", 200)
    half = b"POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\nhalf of it"
    await slow_clients.begin(haproxy.port, half, 200)
    huge = [said(haproxy.port, request("/", "X-Huge: " + "x" * 60_000)) for _ in range(50)]
    assert {status(answer) for answer in await asyncio.gather(*huge)} <= {0, 400}, (
        "or reset, if it still sends"
    )
    assert node.seen == {}, "nothing of all that has reached a node"
    assert await statuses(haproxy.port, 20) == {200: 20}
    await eventually_async(lambda: haproxy.counters(node.name)["scur"] == "0")
    # Who does not go on is let go: after 3 s of a head, and 3 s more of what is left of a body.
    await eventually_async(lambda: haproxy.frontend_sessions() == 0)


GREEDY = b"X-Forwarded-For: 192.0.2.7\r\n"
BIG = b"POST / HTTP/1.1\r\nHost: lab\r\n" + GREEDY + b"Content-Length: 100000\r\n\r\n" + b"x" * 20_000
"""More than a buffer of a body whose rest does not come."""
PLACES = 4


async def uploading(
    new_frontend: NewFrontend, node: Node, slow_clients: SlowClients, **limits: int
) -> HAProxyProcess:
    """Have one client begin twice as many bodies as the node has places."""
    trusted, timeouts = ["127.0.0.1/32"], {"queueSeconds": 1}
    haproxy = await new_frontend(node, trustedProxyCIDRs=trusted, timeouts=timeouts, limits=limits)
    haproxy.ask(f"set maxconn server nodes/{node.name} {PLACES}")
    await slow_clients.begin(haproxy.port, BIG, 2 * PLACES)
    return haproxy


async def test_one_client_can_hold_all_places_by_bodies_that_do_not_end(
    new_frontend: NewFrontend, new_nodes: NewNodes, slow_clients: SlowClients
) -> None:
    (node,) = await new_nodes(1)
    haproxy = await uploading(new_frontend, node, slow_clients)
    await eventually_async(lambda: haproxy.counters(node.name)["scur"] == str(PLACES))
    assert await statuses(haproxy.port, 5) == {503: 5}


async def test_one_client_has_only_so_many_requests_under_way(
    new_frontend: NewFrontend, new_nodes: NewNodes, slow_clients: SlowClients
) -> None:
    (node,) = await new_nodes(1)
    most = PLACES - 2
    haproxy = await uploading(new_frontend, node, slow_clients, requestsPerClient=most)
    await eventually_async(lambda: haproxy.counters(node.name)["scur"] == str(most))
    others = [status(await said(haproxy.port, request(method="POST"))) for _ in range(10)]
    assert others == [200] * 10, "they have the other places"
    his = request("/", "X-Forwarded-For: 192.0.2.7")
    refused = await asked(haproxy.port, his)
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    slow_clients.end()
    await eventually_async(lambda: haproxy.counters(node.name)["scur"] == "0")
    assert [status(await said(haproxy.port, his)) for _ in range(10)] == [200] * 10, "one after another"


def under_way(haproxy: HAProxyProcess) -> int:
    """Return how many requests of clients HAProxy counts; one ends a moment after its client has the answer."""
    counts = re.findall(r"conn_cur=(\d+)", haproxy.ask(f"show table {TABLE_CLIENTS}"))
    return sum(map(int, counts))


async def test_what_holds_no_node_is_not_under_way(
    new_frontend: NewFrontend, new_nodes: NewNodes, slow_clients: SlowClients
) -> None:
    """Connections that rest, and heads that have only begun."""
    (node,) = await new_nodes(1)
    haproxy = await new_frontend(node, limits={"requestsPerClient": 1})
    await slow_clients.begin(haproxy.port, b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n", 5)
    await eventually_async(lambda: node.executed.total() > 0 and node.running == 0)
    await eventually_async(lambda: not under_way(haproxy))
    await slow_clients.begin(haproxy.port, b"GET / HTTP/1.1\r\nHost: lab\r\nX-", 5)
    await eventually_async(lambda: haproxy.frontend_sessions() == 10)
    for _ in range(5):
        await eventually_async(lambda: not under_way(haproxy))
        assert status(await said(haproxy.port, request())) == 200
    half = b"POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\nhalf of it"
    await slow_clients.begin(haproxy.port, half, 1)
    await eventually_async(lambda: haproxy.frontend_sessions() == 11)
    assert status(await said(haproxy.port, request())) == 429, "a body that comes by and by is under way"


@pytest.mark.parametrize("configuration", [{"requestsPerClientPerSecond": 5}], indirect=True)
async def test_a_client_that_asks_too_often_is_told_to_come_again(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes
) -> None:
    (node,) = await new_nodes(1)
    await joined(new_sidecar(), [node])
    answers = [await said(haproxy.port, request()) for _ in range(30)]
    ends = Counter(status(answer) for answer in answers)
    assert set(ends) == {200, 429}
    assert node.executed.total() == ends[200] >= 5
    refused = next(answer for answer in answers if status(answer) == 429).lower()
    assert b"retry-after: 1" in refused
    assert b"x-request-id: " in refused

    async def answered() -> int:
        return status(await said(haproxy.port, request()))

    deadline = time.monotonic() + 20.0
    while await answered() != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.5)


class Crowd:
    """Connections that rest, each from the address that its client has."""

    def __init__(self) -> None:
        self._open: list[socket.socket] = []

    def connect(self, port: int, address: str, count: int) -> None:
        for _ in range(count):
            with contextlib.suppress(ConnectionResetError):  # it was one too many
                self._open.append(socket.create_connection(("127.0.0.1", port), 5, (address, 0)))

    def end(self) -> None:
        for connection in self._open:
            connection.close()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    yield made
    made.end()


@pytest.mark.parametrize(
    ("trusted", "has"), [([], CROWDED), (["127.0.0.2/32"], CROWDED + 500)], ids=["a client", "a proxy"]
)
async def test_no_client_takes_the_last_connections(
    new_frontend: NewFrontend, new_nodes: NewNodes, crowd: Crowd, trusted: list[str], has: int
) -> None:
    (node,) = await new_nodes(1)
    haproxy = await new_frontend(node, trustedProxyCIDRs=trusted)
    await asyncio.to_thread(crowd.connect, haproxy.port, "127.0.0.2", CROWDED + 500)
    await eventually_async(lambda: haproxy.frontend_sessions() == has)
    await asyncio.to_thread(crowd.connect, haproxy.port, "127.0.0.3", 100)
    await eventually_async(lambda: haproxy.frontend_sessions() == has + 100)
    assert await statuses(haproxy.port, 20) == {200: 20}
    await asyncio.to_thread(crowd.connect, haproxy.port, "127.0.0.4", FAIR_SHARE + 50)
    await eventually_async(lambda: haproxy.frontend_sessions() == has + 100 + FAIR_SHARE)
