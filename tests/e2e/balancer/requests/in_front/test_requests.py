"""What requests come to that pass a real proxy in front: nginx, and Envoy with both versions of HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
from pba_lab.browser import Browser
from pba_lab.in_front import NewInFront, passing_on
from pba_lab.making import NewBound, NewFrontend, NewNodes
from pba_lab.patience import eventually_async
from pba_lab.websocket import EchoNode, opening
from pba_lab.wire_client import Response, asked, connected, request
from pba_lab.witness import Seen, Witness

CLIENT, OTHER_CLIENT = "127.0.0.9", "127.0.0.10"
TRUSTED: Final[Mapping[str, Any]] = {"trustedProxyCIDRs": ["127.0.0.1/32"]}
"""The proxies come from there."""
SPOOFED = (
    "X-Forwarded-For: 6.6.6.6",
    "X_Forwarded_For: 6.6.6.6",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Scheme: https",
    "X-Scheme: https",
    "Front-End-Https: on",
    "Forwarded: for=6.6.6.6;proto=https;host=evil.example",
    "X-Real-IP: 6.6.6.6",
    "X-Envoy-External-Address: 6.6.6.6",
)


def told(seen: Seen) -> dict[str, list[str]]:
    """Return what the node was told of where a request comes from."""
    names = {name for name, _ in seen.headers if re.search(r"forward|real|scheme|https|address|_", name)}
    return {name: seen.all(name) for name in names}


async def last(witness: Witness, count: int) -> Seen:
    await eventually_async(lambda: len(witness.requests) == count)
    return witness.requests[-1]


async def test_the_node_is_told_the_clients_own_address_and_nothing_that_it_makes_up(
    new_frontend: NewFrontend, new_in_front: NewInFront, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, **TRUSTED)
    front = await new_in_front(haproxy.port)
    for number, spoofed in enumerate([SPOOFED, ()], start=1):
        answer = await asked(front.port, request("/", *spoofed), source=CLIENT)
        assert answer.status == 200
        assert told(await last(witness, number)) == {
            "x-forwarded-for": [f"{CLIENT}, 127.0.0.1"],
            "x-forwarded-proto": ["http"],
            "x-forwarded-host": ["shop.example"],
        }


async def test_the_proxys_identifier_is_the_requests(
    new_frontend: NewFrontend, new_in_front: NewInFront, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, **TRUSTED)
    front = await new_in_front(haproxy.port)
    answer = await asked(front.port, request("/", "X-Request-Id: order-7"), source=CLIENT)
    assert (await last(witness, 1)).all("x-request-id") == [answer.headers["x-request-id"]] == ["order-7"]
    answer = await asked(front.port, request("/"), source=CLIENT)
    assert (await last(witness, 2)).all("x-request-id") == [answer.headers["x-request-id"]]


async def test_a_client_stays_on_its_node_by_its_cookie(
    new_bound: NewBound, new_in_front: NewInFront, new_nodes: NewNodes
) -> None:
    haproxy = await new_bound("Cookie", *await new_nodes(3))
    front = await new_in_front(haproxy.port)
    browsers = [Browser(address=CLIENT) for _ in range(6)]
    first = [(await browser.visit(front)).node for browser in browsers]
    assert len(set(first)) == 3
    for method in ("GET", "POST"):
        for browser, node in [*zip(browsers, first, strict=True)][::-1]:
            assert (await browser.visit(front, method)).node == node


async def test_a_client_stays_on_its_node_by_its_own_address(
    new_bound: NewBound, new_in_front: NewInFront, new_nodes: NewNodes
) -> None:
    haproxy = await new_bound("ClientIP", *await new_nodes(3))
    front = await new_in_front(haproxy.port)
    browsers = [Browser(address=f"127.0.9.{number}") for number in range(1, 31)]
    behind = [(await browser.visit(front)).node for browser in browsers]
    assert behind == [(await browser.visit(haproxy)).node for browser in browsers], "as without the proxy"
    assert len(set(behind)) == 3


async def test_a_client_is_limited_by_its_own_address(
    new_frontend: NewFrontend, new_in_front: NewInFront, witness: Witness
) -> None:
    limits = {"requestsPerClientPerSecond": 1}
    haproxy = await new_frontend(witness, limits=limits, **TRUSTED)
    front = await new_in_front(haproxy.port)

    async def flooded() -> list[Response]:
        return [
            await asked(front.port, request(method=method), source=CLIENT) for method in ("GET", "POST") * 10
        ]

    answers = [one for one in await flooded() if one.status != 200]
    assert {(one.status, one.headers.get("retry-after")) for one in answers} == {(429, "1")}
    assert (await asked(front.port, request(), source=OTHER_CLIENT)).status == 200


async def test_a_body_that_is_too_big_is_answered_so_and_breaks_no_connection(
    new_frontend: NewFrontend, new_in_front: NewInFront, witness: Witness
) -> None:
    """The answer comes before the body is read, which some proxies take for a connection that broke."""
    paths = [{"prefix": "/small", "bodyMaxSize": "1Ki"}]
    haproxy = await new_frontend(witness, paths=paths, **TRUSTED)
    front = await new_in_front(haproxy.port)
    body = b"x" * 2_000_000
    upload = request("/small", f"Content-Length: {len(body)}", method="POST")
    for number in range(1, 11):
        assert (await asked(front.port, upload, body, source=CLIENT)).status == 413
        assert (await asked(front.port, request(f"/{number}"), source=CLIENT)).status == 200


async def test_what_no_node_takes_is_answered_with_the_time_to_wait(
    new_frontend: NewFrontend, new_in_front: NewInFront, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, **TRUSTED)
    front = await new_in_front(haproxy.port)
    witness.kill()
    answer = await asked(front.port, request(method="POST"), source=CLIENT)
    assert (answer.status, "retry-after" in answer.headers) == (503, True)


async def test_websocket_passes(new_frontend: NewFrontend, new_in_front: NewInFront) -> None:
    echo = EchoNode("echo")
    await echo.start()
    haproxy = await new_frontend(echo, **TRUSTED)
    front = await new_in_front(haproxy.port)
    async with asyncio.timeout(20), connected(front.port) as (reader, writer):
        writer.write(opening())
        assert (await reader.readuntil(b"\r\n\r\n")).lower().startswith(b"http/1.1 101 ")
        for frame in (b"\x81\x05hello", b"\x82\x7e\xff\xff" + b"\0\r\n\r\n" * 13_107):
            writer.write(frame)
            assert await reader.readexactly(len(frame)) == frame
    echo.kill()


@pytest.mark.parametrize("version", ["V1", "V2"])
async def test_a_balancer_that_reads_nothing_tells_the_address_by_the_proxy_protocol(
    new_frontend: NewFrontend, witness: Witness, version: str
) -> None:
    haproxy = await new_frontend(witness, proxyProtocol="Accept", **TRUSTED)
    with passing_on(haproxy.port, version) as port:
        assert (await asked(port, request("/", *SPOOFED), source=CLIENT)).status == 200
    assert told(await last(witness, 1)) == {
        "x-forwarded-for": [CLIENT],
        "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["shop.example"],
    }
