"""What HAProxy does with requests under the operator's configuration."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.haproxy import started
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.sidecar_loop import TERMS, SidecarLoop

from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.judging import answers


async def get(haproxy: HAProxyProcess, headers: list[tuple[str, str]] | None = None, path: str = "/") -> Any:
    def ask() -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", haproxy.port, timeout=20)
        try:
            connection.putrequest("GET", path)
            for name, value in headers or []:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
            return answer
        finally:
            connection.close()

    return await asyncio.to_thread(ask)


@pytest.fixture
def configuration(render: Callable[..., str], request: pytest.FixtureRequest) -> str:
    """haproxy.cfg, for the readiness path that a test asks for."""
    path = getattr(request, "param", "/healthz")
    return render(probes={"readiness": {"path": path}})


async def test_without_a_node_a_page_says_so_and_when_to_come_again(haproxy: HAProxyProcess) -> None:
    answer = await get(haproxy)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Please try again" in answer.text


async def test_every_request_has_an_identifier(haproxy: HAProxyProcess, node: Node) -> None:
    answer = await get(haproxy)
    made = answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", made)
    assert node.seen["x-request-id"] == made
    assert (await get(haproxy)).headers["X-Request-Id"] != made


async def test_a_node_that_cannot_be_reached_costs_no_request(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """Before the checks find it: what could not be sent to it is sent to another node."""
    alive, dead = await new_nodes(2)
    sidecar = new_sidecar()
    dead.kill()
    sidecar.tell([alive, dead])
    await eventually_async(lambda: sidecar.loop.ready)
    clients.start(10)
    await eventually_async(lambda: clients.sent > 500)
    await eventually_async(lambda: not sidecar.haproxy.servers()[dead.name].up)
    await clients.stop()
    assert clients.failed == {}
    assert set(clients.by_node()) == {alive.name}


async def test_nodes_that_close_idle_connections_cost_no_request(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    """Clients come back just when the nodes give up waiting: a kept connection would be closed under a request."""
    nodes = await new_nodes(4, idle_seconds=0.05)
    sidecar = new_sidecar()
    sidecar.tell(nodes)
    await eventually_async(lambda: sidecar.loop.ready)
    clients.pause_seconds = 0.05
    clients.start(40)
    await eventually_async(lambda: clients.sent > 2000)
    await clients.stop()
    assert clients.failed == {}
    assert sum(count for node in nodes for key, count in node.executed.items() if key) == clients.sent


async def test_a_node_whose_health_path_fails_is_left_out_and_comes_back(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    well, ill = await new_nodes(2)
    sidecar = new_sidecar()
    sidecar.tell([well, ill])
    await eventually_async(lambda: sidecar.loop.ready)
    servers = sidecar.haproxy.servers
    ill.health = 503
    await eventually_async(lambda: not servers()[ill.name].usable)
    assert servers()[well.name].usable
    served = len(ill.executed)
    clients.start(4)
    await eventually_async(lambda: clients.sent > 200)
    assert len(ill.executed) == served
    ill.health = 404
    await eventually_async(lambda: servers()[ill.name].usable)
    await clients.stop()
    assert clients.failed == {}


async def test_equal_nodes_get_equal_shares(
    new_sidecar: NewSidecar, new_nodes: NewNodes, clients: Clients
) -> None:
    nodes = await new_nodes(5, delay_seconds=0.005)
    sidecar = new_sidecar()
    sidecar.tell(nodes)
    await eventually_async(lambda: sidecar.loop.ready)
    clients.pause_seconds = 0.002
    clients.start(20)
    await eventually_async(lambda: clients.sent > 5000, 60)
    await clients.stop()
    shares = clients.by_node().values()
    assert max(shares) / (clients.sent / len(nodes)) - 1 <= 0.05, dict(clients.by_node())


async def test_a_request_that_no_node_could_answer_is_logged_as_json(haproxy: HAProxyProcess) -> None:
    lost = (await get(haproxy, path='/a"b')).headers["X-Request-Id"]
    # The line is written when the response is out: its client may be faster.
    await eventually_async(lambda: lost in haproxy.log.read_text())
    (line,) = [line for line in haproxy.log.read_text().splitlines() if lost in line]
    entry = json.loads(line[line.index("{") :])
    assert (entry["status"], entry["request_id"], entry["node"]) == (503, lost, "<NOSRV>")
    assert entry["path"] == '/a"b'


async def test_requests_that_end_well_are_not_logged(haproxy: HAProxyProcess, node: Node) -> None:
    fine = (await get(haproxy)).headers["X-Request-Id"]
    assert node.seen["x-request-id"] == fine
    node.kill()
    lost = (await get(haproxy)).headers["X-Request-Id"]
    await eventually_async(lambda: lost in haproxy.log.read_text())
    assert fine not in haproxy.log.read_text()


@pytest.mark.parametrize("length", [1_000, 14_000])
async def test_a_long_path_is_cut_in_the_log_and_hides_no_failure_from_the_sidecar(
    haproxy: HAProxyProcess, node: Node, length: int
) -> None:
    node.status = 500
    path = "/" + '"' * length
    lost = (await get(haproxy, path=path)).headers["X-Request-Id"]
    await eventually_async(lambda: lost in haproxy.log.read_text())
    (line,) = [line for line in haproxy.log.read_text().splitlines() if lost in line]
    logged = json.loads(line[line.index("{") :])["path"]
    assert path.startswith(logged)
    assert len(logged) >= 200
    await eventually_async(lambda: haproxy.ask("show events answers").strip())
    (seen,) = answers.read(answers.parsed(haproxy.ask("show events answers").splitlines()))
    assert (seen.node, seen.end.failed) == (node.name, True)


@pytest.fixture
def logs_all() -> Iterator[HAProxyProcess]:
    fields = {"accessLog": "All", "retries": {"budgetPercent": 0}}
    with started(haproxy_cfg.render(shop("default", fields))) as process:
        yield process


async def test_every_request_is_logged_once_where_that_is_asked_for(
    logs_all: HAProxyProcess, new_nodes: NewNodes
) -> None:
    well, ill = await new_nodes(2)
    ill.status = 500
    sidecar = SidecarLoop(logs_all, TERMS)
    try:
        sidecar.tell([well, ill])
        await eventually_async(lambda: len(sidecar.haproxy.servers()) == 2 and sidecar.loop.ready)
        for number in range(6):
            await get(logs_all, path=f"/one-{number}")
    finally:
        sidecar.kill()
    await eventually_async(lambda: "one-5" in logs_all.log.read_text())
    lines = [line for line in logs_all.log.read_text().splitlines() if '"/one-' in line]
    entries = [json.loads(line[line.index("{") :]) for line in lines]
    assert [entry["path"] for entry in entries] == [f"/one-{number}" for number in range(6)]
    assert {(entry["node"], entry["status"]) for entry in entries} == {(well.name, 200), (ill.name, 500)}


HOSTILE_PATH = "/healthz/'\"$HOME${HOME}\\\\%[env(HOME)]#;x"
"""Everything that means something to HAProxy's configuration and that the schema lets through."""


@pytest.mark.parametrize("configuration", [HOSTILE_PATH], indirect=True)
async def test_the_check_asks_for_exactly_the_path_of_the_spec(node: Node) -> None:
    await eventually_async(lambda: HOSTILE_PATH in node.targets)
    assert node.targets == {HOSTILE_PATH}
