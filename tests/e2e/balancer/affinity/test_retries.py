"""Clients that are bound to nodes, and retries as users have them who set nothing."""

from __future__ import annotations

import asyncio

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.bound import bound_to, others, own
from pba_lab.browser import Browser, Visit
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.sidecar_loop import SidecarLoop

from pba_api.sidecar import TRIAL_SECONDS
from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.haproxy import commands
from pba_sync.judging import answers


@pytest.fixture
def configuration() -> str:
    return haproxy_cfg.render(shop("default", {}, affinity={}))


@pytest.mark.usefixtures("sidecar")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_a_node_answers_is_the_answer_and_moves_nobody(
    haproxy: HAProxyProcess, nodes: list[Node], method: str
) -> None:
    browser = await bound_to(haproxy, nodes[0])
    nodes[0].failing = {"/broken"}
    assert await browser.visit(haproxy, method, "/broken") == Visit(500, nodes[0].name, ())
    assert await browser.visit(haproxy, method) == Visit(200, nodes[0].name, ())


@pytest.mark.parametrize("ill", ["slow", "failing", "dead"])
async def test_a_trial_that_comes_to_nothing_has_all_the_time_that_it_would_have_had(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop, ill: str
) -> None:
    """A request that is slow everywhere: beyond what a trial may take."""
    tried = nodes[0]
    for command in (commands.set_weight(tried.name, 0), commands.give_trial(tried.name)):
        haproxy.ask(command.text)
    if ill == "dead":
        tried.kill()
    tried.status = 500 if ill == "failing" else 200
    for node in nodes:
        node.delay_seconds = TRIAL_SECONDS + 1.0 if ill == "slow" or node is not tried else 0.0
    seen = await Browser().visit(haproxy)
    assert seen.status == 200
    assert seen.node in others(nodes, tried)
    assert seen.set_cookies == (own(seen.node),)
    # The line is written when the response is out: its client may be faster.
    await eventually_async(lambda: haproxy.ask("show events answers").strip())
    (answer,) = answers.read(answers.parsed(haproxy.ask("show events answers").splitlines()))
    assert (answer.node, answer.end.failed, answer.end.trial) == (tried.name, True, True)
    assert sidecar.loop.ready


async def test_a_get_that_a_node_dies_of_is_answered_by_another(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    browser = await bound_to(haproxy, nodes[0])
    nodes[0].delay_seconds = 30.0
    running = asyncio.create_task(browser.visit(haproxy))
    await eventually_async(lambda: nodes[0].running == 1)
    nodes[0].kill()
    seen = await running
    assert seen.status == 200
    assert seen.node in others(nodes, nodes[0])
    assert sidecar.loop.ready
