"""Two frontends: the one whose nodes are all dead gives way to the other, and never do both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.haproxy import started
from pba_lab.making import NewNodes
from pba_lab.pages import get
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import TERMS, SidecarLoop

from pba_api.sidecar import STOPPING, THIS
from pba_sync.balancer.others import Address, Others, steps
from pba_sync.haproxy import commands
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.haproxy.servers import Admin, read_servers

PERIOD_SECONDS = 1.0
FAILURES = 3


class Kubelet:
    """Asks for a pod's readiness as its probe says: each second, and unready after three failures in a row."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._failures = 0
        self.ready = False
        self.probes = 0

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            answered = await asyncio.to_thread(self._is_answered)
            self._failures = 0 if answered else self._failures + 1
            self.probes += 1
            self.ready = answered or (self.ready and self._failures < FAILURES)
            await asyncio.sleep(PERIOD_SECONDS)

    def _is_answered(self) -> bool:
        try:
            return get(self._port, "/ready")[0] == 200
        except OSError:
            return False


class Frontend:
    """One of the two: HAProxy, its sidecar's loop, its node, and what it is told of the other."""

    def __init__(self, process: HAProxyProcess, node: Node, ended: ExitStack) -> None:
        self.process = process
        self.node = node
        self.kubelet = Kubelet(process.health_port)
        self.loop = SidecarLoop(process, TERMS)
        ended.callback(self.loop.kill)
        self.loop.tell([node])
        self.told: dict[str, Address] = {}
        self.serving = 0
        self.haproxy = HAProxy(process.socket, 2.0, lambda _verb, _succeeded: None)
        self.others = Others(self.haproxy, lambda: self.told, time.monotonic, self._note)

    def _note(self, count: int) -> None:
        self.serving = count

    def sees(self) -> int:
        """Look once; return how many others can serve."""
        self.others.step()
        return self.serving

    def sees_now(self) -> int:
        """Return how many others can serve, without telling HAProxy anything."""
        found = read_servers(self.haproxy.ask(commands.SHOW_OTHERS))
        return sum(server.usable for name, server in found.items() if name != THIS)

    def ready(self) -> bool:
        """Tell whether the kubelet has found the pod ready."""
        return self.kubelet.ready


@pytest.fixture
async def pair(configuration: str, new_nodes: NewNodes) -> AsyncIterator[tuple[Frontend, Frontend]]:
    with ExitStack() as ended:
        made = [
            Frontend(ended.enter_context(started(configuration)), node, ended) for node in await new_nodes(2)
        ]
        one, other = made
        probing = [asyncio.create_task(frontend.kubelet.run()) for frontend in made]
        one.told["shop-frontend-other"] = ("127.0.0.1", other.process.health_port)
        other.told["shop-frontend-one"] = ("127.0.0.1", one.process.health_port)
        await eventually_async(lambda: one.ready() and other.ready())
        await eventually_async(lambda: one.sees() == other.sees() == 1)
        yield one, other
        for task in probing:
            task.cancel()
        await asyncio.gather(*probing, return_exceptions=True)
    for frontend in made:
        if frontend.node.is_serving:
            await frontend.node.rest()


async def never_both(pair: tuple[Frontend, Frontend], holds: Callable[[], object]) -> None:
    """Return when `holds` is true; at no time until then are both unready."""

    def looked() -> bool:
        assert any(frontend.ready() for frontend in pair)
        return bool(holds())

    await eventually_async(looked)


async def restart(node: Node) -> None:
    await node.start(node.address, node.port)


async def test_one_without_a_node_gives_way_and_comes_back(pair: tuple[Frontend, Frontend]) -> None:
    one, other = pair
    one.node.kill()
    await never_both(pair, lambda: not one.ready())
    assert other.ready()
    await restart(one.node)
    await never_both(pair, lambda: one.ready() and other.ready())


async def test_where_none_has_a_node_all_are_ready(pair: tuple[Frontend, Frontend]) -> None:
    """They answer 503 with `Retry-After`, or ask any node all the same: better than to be gone."""
    one, other = pair
    one.node.kill()
    await never_both(pair, lambda: not one.ready())
    other.node.kill()
    await never_both(pair, lambda: one.ready() and other.ready() and one.sees() == other.sees() == 0)
    await asyncio.gather(restart(one.node), restart(other.node))
    await never_both(pair, lambda: one.sees() == other.sees() == 1)
    assert one.ready()
    assert other.ready()


@pytest.mark.parametrize("end", ["killed", "stopping", "gone"])
async def test_another_that_goes_is_not_given_way_to(pair: tuple[Frontend, Frontend], end: str) -> None:
    one, other = pair
    one.node.kill()
    await eventually_async(lambda: not one.ready())
    match end:
        case "killed":
            other.process.kill()
        case "stopping":
            other.haproxy.run(commands.raise_flag(STOPPING))
        case "gone":
            one.told.clear()
            one.others.step()
            assert "shop-frontend-other" not in one.process.ask("show servers state others")
    await eventually_async(one.ready)


async def test_at_no_step_of_being_added_one_counts_as_able_to_serve(pair: tuple[Frontend, Frontend]) -> None:
    one, _ = pair
    one.told.clear()
    one.others.step()
    for step in steps({}, {"shop-frontend-dead": ("127.0.0.1", 9)}):
        one.haproxy.run(step)
        assert one.sees_now() == 0, step.text
    found = read_servers(one.haproxy.ask(commands.SHOW_OTHERS))["shop-frontend-dead"]
    assert (found.admin, found.checked) == (Admin.READY, True)


async def test_one_that_was_never_answered_is_not_given_way_to(pair: tuple[Frontend, Frontend]) -> None:
    one, _ = pair
    one.told = {"shop-frontend-dead": ("127.0.0.1", 9)}
    one.others.step()
    assert one.sees() == 0
    one.node.kill()
    await eventually_async(lambda: not _has_a_node(one))
    asked = one.kubelet.probes
    await eventually_async(lambda: one.kubelet.probes > asked + FAILURES)
    assert one.ready()


def _has_a_node(frontend: Frontend) -> bool:
    return any(server.usable for server in frontend.haproxy.uncounted_servers().values())


async def test_a_haproxy_that_restarted_is_told_of_the_others_anew(pair: tuple[Frontend, Frontend]) -> None:
    one, _ = pair
    one.process.kill()
    one.others.step()
    one.process.start()
    await eventually_async(lambda: one.ready() and one.sees() == 1)


async def test_haproxy_raises_no_alarm_where_there_is_no_other(pair: tuple[Frontend, Frontend]) -> None:
    one, _ = pair
    one.told.clear()
    one.others.step()
    assert one.sees() == 0
    assert "backend 'others' has no server" not in one.process.log.read_text()
