"""Clients that are bound to nodes by a cookie: through every frontend, whoever restarts; what the cookie is."""

from __future__ import annotations

import json

import pytest
from pba_lab import HAProxyProcess, Node, wire_client
from pba_lab.bound import BOUND, another_frontend, bound_to, own, serve, visits
from pba_lab.browser import Browser, Visit
from pba_lab.making import NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.sidecar_loop import SidecarLoop
from pba_lab.wire_client import said

from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.haproxy import commands
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.judging.answers import parsed, read


@pytest.mark.usefixtures("sidecar")
async def test_a_client_stays_on_its_node_and_new_ones_are_spread(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    browsers = [Browser() for _ in range(12)]
    firsts = [await browser.visit(haproxy) for browser in browsers]
    assert {node.name: [first.node for first in firsts].count(node.name) for node in nodes} == dict.fromkeys(
        (node.name for node in nodes), 4
    )
    for browser, first in zip(browsers, firsts, strict=True):
        assert first.set_cookies == (own(first.node),)
        assert await visits(haproxy, browser, 5) == [Visit(200, first.node, ())] * 5
        assert (await browser.visit(haproxy, "POST")).node == first.node


@pytest.mark.usefixtures("sidecar")
async def test_a_client_finds_its_node_through_every_frontend(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    bound = {node.name: await bound_to(haproxy, node) for node in nodes}
    with another_frontend(haproxy_cfg.render(shop("default", affinity={})), BOUND, nodes) as second:
        for name, browser in bound.items():
            assert await visits(second, browser, 2) == [Visit(200, name, ())] * 2


async def test_restarts_of_haproxy_and_of_the_sidecar_move_nobody(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop, new_sidecar: NewSidecar
) -> None:
    bound = {node.name: await bound_to(haproxy, node) for node in nodes}
    haproxy.kill()
    haproxy.start()
    await eventually_async(lambda: len(sidecar.in_rotation()) == len(nodes))
    for name, browser in bound.items():
        assert await browser.visit(haproxy) == Visit(200, name, ())
    sidecar.kill()
    await serve(new_sidecar(drain_seconds=20.0, affinity=BOUND), nodes)
    for name, browser in bound.items():
        assert await browser.visit(haproxy) == Visit(200, name, ())


@pytest.mark.usefixtures("sidecar")
async def test_the_cookie_is_haproxys_alone(haproxy: HAProxyProcess, nodes: list[Node]) -> None:
    for node in nodes:
        node.headers = [("Set-Cookie", "PBA=mine; path=/"), ("Set-Cookie", "session=7; path=/")]
    browser = Browser({"a": "1"})
    first = await browser.visit(haproxy)
    (node,) = [node for node in nodes if node.name == first.node]
    assert sorted(first.set_cookies) == [own(node.name), "session=7; path=/"]
    assert node.seen["cookie"] == "a=1"
    again = await browser.visit(haproxy)
    assert again.set_cookies == ("session=7; path=/",), (
        "the application's own one of that name is thrown away"
    )
    assert node.seen["cookie"] == "a=1; session=7"
    assert BOUND.cookie(node.name) not in str(node.seen)


@pytest.mark.usefixtures("sidecar")
async def test_an_answer_that_may_be_kept_by_caches_is_kept_by_none_that_share_it_with_its_cookie(
    haproxy: HAProxyProcess, nodes: list[Node]
) -> None:
    for node in nodes:
        node.headers = [("Cache-Control", "max-age=60"), ("ETag", '"1"')]
    await assert_is_private(haproxy)


async def assert_is_private(haproxy: HAProxyProcess) -> None:
    """Show that a new client's answer binds it, and that no shared cache may keep it."""
    answer = (await said(haproxy.port, wire_client.request())).lower()
    assert b"set-cookie: pba=" in answer
    assert b"cache-control: max-age=60" in answer
    assert b"cache-control: private" in answer


@pytest.mark.usefixtures("sidecar")
async def test_neither_is_one_that_a_client_gets_on_trial(haproxy: HAProxyProcess, nodes: list[Node]) -> None:
    tried = nodes[0]
    tried.headers = [("Cache-Control", "max-age=60")]
    haproxy.ask(commands.set_weight(tried.name, 0).text)
    haproxy.ask(commands.give_trial(tried.name).text)
    await assert_is_private(haproxy)
    assert sum(tried.executed.values()) == 1


async def test_nor_one_of_a_node_that_is_drawn_where_none_passes_its_checks(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    for node in nodes:
        node.headers = [("Cache-Control", "max-age=60")]
        node.health = 500
    await eventually_async(lambda: not sidecar.in_rotation())
    await assert_is_private(haproxy)


HOSTILE = (
    "",
    "0",
    "node-0",
    "x" * 4000,
    "%[srv_name]",
    "' or 1=1",
    '"',
    "|||||",
    "AAAAAAAAAAAAAAAA|zzzzz|zzzzz",
    "\xff\xfe",
    "../../etc/passwd",
    "0123456789ABCDEF",
)


@pytest.mark.usefixtures("sidecar")
async def test_a_cookie_that_somebody_made_up_is_none(haproxy: HAProxyProcess, nodes: list[Node]) -> None:
    names = {node.name for node in nodes}
    for word in HOSTILE:
        browser = Browser({"PBA": word, "a": "1"})
        first = await browser.visit(haproxy)
        assert first.status == 200, word
        assert first.node in names
        assert first.set_cookies == (own(first.node),), word
        # An open quote swallows what its client says behind it.
        rest = None if word == '"' else "a=1"
        assert [node.seen.get("cookie") for node in nodes if node.name == first.node] == [rest], word
        assert await browser.visit(haproxy) == Visit(200, first.node, ())


async def test_it_is_told_which_client_is_on_which_node_and_why(
    haproxy: HAProxyProcess, nodes: list[Node], sidecar: SidecarLoop
) -> None:
    browser, stranger = Browser(), Browser({"PBA": "0123456789ABCDEF"})
    first, second = await browser.visit(haproxy), await browser.visit(haproxy)
    unknown = await stranger.visit(haproxy)
    haproxy.ask(commands.leave(BOUND.cookie(first.node), first.node).text)
    left = await browser.visit(haproxy)
    next(node for node in nodes if node.name == left.node).kill()
    down = await browser.visit(haproxy)
    told = HAProxy(haproxy.socket, 5, lambda _verb, _succeeded: None)
    await eventually_async(lambda: len(read(parsed(told.answers()))) == 5)
    assert [(answer.node, answer.cookie) for answer in read(parsed(told.answers()))] == [
        (first.node, "new"),
        (second.node, "bound"),
        (unknown.node, "unknown"),
        (left.node, "left"),
        (down.node, "down"),
    ]
    entries = [json.loads(line) for line in told.answers()]
    assert [entry["left"] for entry in entries] == ["", "", "", first.node, ""]
    assert first.node != left.node != down.node
    assert sidecar.loop.ready
