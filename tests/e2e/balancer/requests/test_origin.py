"""Whom a request comes from: what HAProxy believes, and what it tells the node and the log."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

import pytest
from pba_lab import HAProxyProcess
from pba_lab.making import NewFrontend
from pba_lab.patience import eventually_async
from pba_lab.wire_client import asked, connected, request, responses, said
from pba_lab.witness import Seen, Witness

PROXY, STRANGER = "127.0.0.2", "127.0.0.1"
_WHENCE = re.compile(
    r"forward|proxy|client|real|ip|_|scheme|https|ssl|proto|addr|remote|original|url|-host|name"
)
_NUMBERS = itertools.count()
TRUSTED = ["127.0.0.2/32", "10.0.0.0/8", "2001:db8:1::/48"]


async def sent(haproxy: HAProxyProcess, witness: Witness, *headers: str, source: str = STRANGER) -> Seen:
    """Return what the node saw of a request with these headers."""
    target = f"/{next(_NUMBERS)}"
    answer = await asked(haproxy.port, request(target, *headers), source=source)
    assert answer.status == 200, answer
    # The node notes a request some time after its answer: an earlier one may come in between.
    await eventually_async(lambda: target in [seen.target for seen in witness.requests])
    (seen,) = [seen for seen in witness.requests if seen.target == target]
    return seen


def told(seen: Seen) -> dict[str, list[str]]:
    """Return what the node was told of where a request comes from."""
    names = {name for name, _ in seen.headers if _WHENCE.search(name)}
    return {name: seen.all(name) for name in names}


SPOOFED = (
    "X-Forwarded-For: 1.2.3.4",
    "X_Forwarded_For: 1.2.3.4",
    "X.Forwarded.Proto: https",
    "X-Forwarded_Host: evil.example",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Prefix: /admin",
    "X-Forwarded: for=1.2.3.4",
    "Forwarded: for=1.2.3.4",
    "Proxy: evil.example",
    "X-Real-IP: 1.2.3.4",
    "X_REAL_IP: 1.2.3.4",
    "True-Client-IP: 1.2.3.4",
    "CF-Connecting-IP: 1.2.3.4",
    "X-Scheme: https",
    "X-Url-Scheme: https",
    "Front_End_Https: on",
    "X-Original-Forwarded-Host: evil.example",
    "X-Envoy-External-Address: 1.2.3.4",
    "Client-IP: 1.2.3.4",
    "Client_IP: 1.2.3.4",
    "CLIENT.IP: 1.2.3.4",
    "HTTP_CLIENT_IP: 1.2.3.4",
    "WL-Proxy-Client-IP: 1.2.3.4",
    "X-Remote-Addr: 1.2.3.4",
    "X-Originating-IP: 1.2.3.4",
    "X-Forwardedfor: 1.2.3.4",
    "Forwarded-For: 1.2.3.4",
    "X-ProxyUser-Ip: 1.2.3.4",
    "X-Azure-ClientIP: 1.2.3.4",
    "CF-Connecting-IPv6: 2001:db8::1",
    "CloudFront-Viewer-Address: 1.2.3.4:5",
    "CloudFront-Forwarded-Proto: https",
    "$WSRA: 1.2.3.4",
    "X-Arr-Ssl: 2048",
    "X-Host: evil.example",
    "X-HTTP-Host-Override: evil.example",
    "X-Original-URL: /admin",
    "X_Rewrite_URL: /admin",
    "X-Envoy-Original-Path: /admin",
    "Script_Name: /admin",
)
"""Of those that tests/unit/frontend/test_origin.py lists with their sources."""
PASSED_ON = (
    *(
        "Client-Id",
        "X-Client-Id",
        "X-User-Id",
        "X-CSRF-Token",
        "X-Requested-With",
        "PSU-IP-Address",
        "Destination",
    ),
    *("X-HTTP-Method-Override", "X-RapidAPI-Host", "X-Original-Filename", "X-Email-Address"),
)


@pytest.mark.parametrize(
    "fields", [{}, {"trustedProxyCIDRs": TRUSTED}], ids=["nobody trusted", "some trusted"]
)
async def test_nothing_that_a_client_says_of_itself_reaches_the_node_in_any_spelling(
    new_frontend: NewFrontend, witness: Witness, fields: dict[str, Any]
) -> None:
    haproxy = await new_frontend(witness, **fields)
    assert told(await sent(haproxy, witness, *SPOOFED)) == {
        "x-forwarded-for": [STRANGER],
        "x-forwarded-proto": ["http"],
        "x-forwarded-host": ["shop.example"],
    }


async def test_what_the_application_has_asked_for_reaches_it(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness)
    seen = await sent(haproxy, witness, *(f"{name}: of its own" for name in PASSED_ON))
    assert {name: seen.all(name.lower()) for name in PASSED_ON} == {
        name: ["of its own"] for name in PASSED_ON
    }


CHAINS = {
    "": "127.0.0.2",
    "203.0.113.9": "203.0.113.9, 127.0.0.2",
    "6.6.6.6, 203.0.113.9": "203.0.113.9, 127.0.0.2",
    "6.6.6.6, 203.0.113.9, 10.1.1.1, 10.2.2.2": "203.0.113.9, 10.1.1.1, 10.2.2.2, 127.0.0.2",
    "6.6.6.6:1, 203.0.113.9:4711, 10.1.1.1:80": "203.0.113.9, 10.1.1.1, 127.0.0.2",
    "2001:db8::7": "2001:db8::7, 127.0.0.2",
    "6.6.6.6, [2001:db8::7]:443, 2001:db8:1::5": "2001:db8::7, 2001:db8:1::5, 127.0.0.2",
    "6.6.6.6, ::ffff:203.0.113.9, ::FFFF:10.0.0.1": "203.0.113.9, 10.0.0.1, 127.0.0.2",
    "6.6.6.6, unknown, 10.1.1.1": "10.1.1.1, 127.0.0.2",
    "6.6.6.6, , 10.1.1.1": "10.1.1.1, 127.0.0.2",
    'evil"}{, 999.1.1.1': "127.0.0.2",
    ", ".join(f"10.0.0.{number}" for number in range(1, 12)): (
        "10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9, 10.0.0.10, 10.0.0.11, 127.0.0.2"
    ),
}
"""What a trusted proxy says, and what the node is told: the client and what it came by, never what was said before."""


async def test_the_client_is_the_last_hop_that_is_no_trusted_proxy(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, trustedProxyCIDRs=TRUSTED)
    seen = {
        chain: (await sent(haproxy, witness, f"X-Forwarded-For: {chain}", source=PROXY)).all(
            "x-forwarded-for"
        )
        for chain in CHAINS
    }
    assert seen == {chain: [wanted] for chain, wanted in CHAINS.items()}


async def test_each_request_of_a_proxys_connection_has_its_own_client(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, trustedProxyCIDRs=TRUSTED)
    first = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n"
    third = request("/", "X-Forwarded-For: 203.0.113.3")
    async with asyncio.timeout(20), connected(haproxy.port, source=PROXY) as (reader, writer):
        for data in (first, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", third):
            writer.write(data)
            await reader.readuntil(witness.name.encode())
    await eventually_async(lambda: len(witness.requests) == 3)
    assert [seen.all("x-forwarded-for") for seen in witness.requests] == [
        ["203.0.113.1, 127.0.0.2"],
        ["127.0.0.2"],
        ["203.0.113.3, 127.0.0.2"],
    ]


@pytest.mark.parametrize(
    ("headers", "proto"),
    [
        (["X-Forwarded-Proto: https"], "https"),
        (["X-Forwarded-Proto: HTTPS"], "https"),
        (["X-Forwarded-Proto: gopher"], "http"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], "http"),
        (["X-Forwarded-Proto:"], "http"),
    ],
)
async def test_a_trusted_proxy_says_how_it_was_asked_and_only_once(
    new_frontend: NewFrontend, witness: Witness, headers: list[str], proto: str
) -> None:
    haproxy = await new_frontend(witness, trustedProxyCIDRs=TRUSTED)
    seen = await sent(haproxy, witness, *headers, "X-Forwarded-Port: 1", source=PROXY)
    assert told(seen) == {
        "x-forwarded-for": [PROXY],
        "x-forwarded-proto": [proto],
        "x-forwarded-host": ["shop.example"],
    }


async def test_another_host_than_the_requests_own_is_believed_of_nobody(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    """Envoy, and load balancers of clouds, pass on what a client says there."""
    haproxy = await new_frontend(witness, trustedProxyCIDRs=TRUSTED)
    seen = await sent(haproxy, witness, "X-Forwarded-Host: evil.example", source=PROXY)
    assert (seen.all("host"), seen.all("x-forwarded-host")) == (["shop.example"], ["shop.example"])


HOSTILE_IDENTIFIERS = (["a b"], ["x" * 65], ['"}{"'], ["a,b"], ["one", "two"], ["$(reboot)"], [""])


async def test_only_a_trusted_proxys_identifier_is_kept_and_only_a_sound_one(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, trustedProxyCIDRs=TRUSTED)
    answer = await asked(haproxy.port, request("/", "X-Request-Id: order-7.a_b"), source=PROXY)
    assert answer.headers["x-request-id"] == "order-7.a_b"
    hostile = [[f"X-Request-Id: {value}" for value in values] for values in HOSTILE_IDENTIFIERS]
    for headers, source in [(["X-Request-Id: mine"], STRANGER), *((one, PROXY) for one in hostile)]:
        (made,) = (await sent(haproxy, witness, *headers, source=source)).all("x-request-id")
        assert re.fullmatch(r"[0-9a-f-]{36}", made), headers


async def test_a_clients_identifier_is_replaced_in_every_spelling(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness)
    spelt = [f"{name}: mine" for name in ("X-Request-Id", "X_Request_Id", "X-Request_Id", "x.request-id")]
    seen = await sent(haproxy, witness, *spelt)
    assert "mine" not in [value for _, value in seen.headers]
    assert re.fullmatch(r"[0-9a-f-]{36}", seen.all("x-request-id")[0])


async def test_the_log_names_the_client_and_not_its_proxy(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, trustedProxyCIDRs=TRUSTED)
    witness.kill()
    headers = ("X-Forwarded-For: 6.6.6.6, 2001:db8::7, 10.1.1.1", "X-Request-Id: lost-1")
    assert (await asked(haproxy.port, request("/", *headers), source=PROXY)).status == 503
    await eventually_async(lambda: "lost-1" in haproxy.log.read_text())
    (line,) = [line for line in haproxy.log.read_text().splitlines() if "lost-1" in line]
    assert json.loads(line)["client"] == "2001:db8::7"


async def test_a_client_of_ipv4_has_its_own_address_where_the_pod_has_one_of_ipv6(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, pod_ips="127.0.0.1,::1", trustedProxyCIDRs=["127.0.0.2/32"])
    assert (await sent(haproxy, witness)).all("x-forwarded-for") == ["127.0.0.1"]
    assert (await sent(haproxy, witness, "X-Forwarded-For: 203.0.113.9", source=PROXY)).all(
        "x-forwarded-for"
    ) == ["203.0.113.9, 127.0.0.2"]
    assert (await asked(haproxy.port, request(), address="::1")).status == 200
    await eventually_async(lambda: len(witness.requests) == 3)
    assert witness.requests[-1].all("x-forwarded-for") == ["::1"]


async def test_a_client_cannot_have_the_headers_stripped_that_haproxy_sets(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    """What `Connection` names is taken away by the next proxy (RFC 9110, 7.6.1), and a node may have one inside."""
    haproxy = await new_frontend(witness)
    await said(
        haproxy.port,
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Forwarded-For, X-Request-Id\r\nConnection: x-a\r\n\r\n",
    )
    await eventually_async(lambda: witness.requests)
    assert witness.requests[0].all("connection") == ["close"]
    assert witness.requests[0].all("x-forwarded-for") == ["127.0.0.1"]


@pytest.mark.parametrize("connection", ["Upgrade, HTTP2-Settings", "Upgrade", "keep-alive"])
async def test_a_change_to_http2_is_not_passed_on(
    new_frontend: NewFrontend, witness: Witness, connection: str
) -> None:
    """A node that agreed would hear the client's later requests past every rule (h2c smuggling)."""
    haproxy = await new_frontend(witness)
    head = f"GET / HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    async with asyncio.timeout(20), connected(haproxy.port) as (reader, writer):
        writer.write(head.encode())
        await reader.readuntil(witness.name.encode())
    await eventually_async(lambda: witness.requests)
    assert (witness.requests[0].all("upgrade"), witness.requests[0].all("connection")) == ([], ["close"])


def header_v1(source: str) -> bytes:
    """Return the PROXY protocol's header of a connection from `source`."""
    return f"PROXY TCP4 {source} 192.0.2.80 4711 80\r\n".encode()


def header_v2(source: str) -> bytes:
    """Return the same in version 2."""
    addresses = bytes(map(int, f"{source}.192.0.2.80".split("."))) + (4711).to_bytes(2) + (80).to_bytes(2)
    return b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + len(addresses).to_bytes(2) + addresses


@pytest.mark.parametrize("header", [header_v1, header_v2])
async def test_every_connection_tells_its_client_where_the_proxy_protocol_is_accepted(
    new_frontend: NewFrontend, witness: Witness, header: Any
) -> None:
    haproxy = await new_frontend(witness, proxyProtocol="Accept")
    spoofed = request("/", "X-Forwarded-For: 6.6.6.6")
    assert (await asked(haproxy.port, header("203.0.113.9"), spoofed)).status == 200
    await eventually_async(lambda: witness.requests)
    assert witness.requests[0].all("x-forwarded-for") == ["203.0.113.9"]
    assert await said(haproxy.port, request()) == b""
    assert len(witness.requests) == 1


async def test_only_trusted_proxies_begin_with_the_header_and_nobody_else_may(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, proxyProtocol="Accept", trustedProxyCIDRs=TRUSTED)
    header = header_v1("203.0.113.9")
    assert (await asked(haproxy.port, request(), source=STRANGER)).status == 200
    assert (await asked(haproxy.port, header, request(), source=PROXY)).status == 200
    (refused,) = responses(await said(haproxy.port, header, request(), source=STRANGER))
    assert refused.status == 400
    assert await said(haproxy.port, request(), source=PROXY) == b""
    await eventually_async(lambda: len(witness.requests) == 2)
    assert sorted(seen.all("x-forwarded-for") for seen in witness.requests) == [[STRANGER], ["203.0.113.9"]]


async def test_a_proxy_behind_the_load_balancer_is_believed_if_it_is_trusted(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    """The header says who connected to the load balancer; whether that one is believed depends on its address."""
    haproxy = await new_frontend(witness, proxyProtocol="Accept", trustedProxyCIDRs=TRUSTED)
    said_so = request("/", "X-Forwarded-For: 6.6.6.6, 203.0.113.9")
    for hop in ("10.1.1.1", "198.51.100.1"):
        assert (await asked(haproxy.port, header_v1(hop), said_so, source=PROXY)).status == 200
    await eventually_async(lambda: len(witness.requests) == 2)
    assert sorted(seen.all("x-forwarded-for") for seen in witness.requests) == [
        ["198.51.100.1"],
        ["203.0.113.9, 10.1.1.1"],
    ]


async def test_the_probes_need_no_header(new_frontend: NewFrontend) -> None:
    haproxy = await new_frontend(proxyProtocol="Accept")
    assert (await asked(haproxy.health_port, request("/alive"))).status == 200
