"""Clients of HTTP/2 who ask for more than there is, or hold what they got: it is bounded, and others are served on."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pba_lab.h2_peer import (
    CANCEL,
    MAX_CONCURRENT_STREAMS,
    REFUSED_STREAM,
    Kind,
    Peer,
    connected,
    frame,
    get,
    settings,
)
from pba_lab.haproxy import HAProxyProcess
from pba_lab.patience import eventually_async
from pba_lab.secure import Secure, served
from pba_lab.wire_client import asked, request

from pba_operator.domain.frontend.overload import CROWDED, FAIR_SHARE, MAX_GLITCHES, MAX_REQUESTS
from pba_operator.domain.frontend.words import Counter

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAMS = 100
"""What a connection carries at a time, by HAProxy's SETTINGS."""
MANY = 3 * MAX_GLITCHES
AT_ONCE = 100
POST = get(b"/", method=b"POST")
MEBIBYTE = 1 << 20


def resident(haproxy: HAProxyProcess) -> int:
    """Return the memory that HAProxy holds, in bytes."""
    pages = Path(f"/proc/{haproxy.pid}/statm").read_text(encoding="ascii").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE")


def under_way(haproxy: HAProxyProcess) -> int:
    """Return how many requests HAProxy counts as under way."""
    (count,) = re.findall(r"conn_cur=(\d+)", haproxy.ask("show table requests"))
    return int(count)


@asynccontextmanager
async def served_beside(secure: Secure) -> AsyncIterator[None]:
    """Ask on a connection of its own, again and again, until the block ends: each request is answered by the node."""
    done = asyncio.Event()
    answers: list[int | None] = []

    async def ask() -> None:
        async with secure.client() as neighbour:
            while not done.is_set() or len(answers) < 3:
                answers.append((await neighbour.ask(get(b"/neighbour"))).status)

    asking = asyncio.create_task(ask())
    try:
        await eventually_async(lambda: answers)
        yield
    finally:
        done.set()
        await asking
    assert set(answers) == {200}
    await eventually_async(
        lambda: sum(seen.target == "/neighbour" for seen in secure.witness.requests) == len(answers)
    )


def _pings(_: Peer) -> bytes:
    return frame(Kind.PING, payload=b"12345678")


FLOODS: dict[str, tuple[Callable[[Peer], bytes], bool]] = {
    "pings": (_pings, False),
    "settings": (lambda _: frame(Kind.SETTINGS), False),
    "windows that shrink": (
        lambda _: settings(initial_window_size=65_535) + settings(initial_window_size=0),
        True,
    ),
    "priorities": (lambda _: frame(Kind.PRIORITY, 0, 3, b"\0\0\0\0\1"), False),
    "windows that grow": (lambda _: frame(Kind.WINDOW_UPDATE, 0, 0, b"\0\0\0\1"), False),
    "streams that are reset at once": (
        lambda peer: peer.request(get()) + frame(Kind.RST_STREAM, 0, peer.last, CANCEL),
        False,
    ),
    "bodies that are reset at once": (
        lambda peer: peer.request(POST, ends=False) + frame(Kind.RST_STREAM, 0, peer.last, CANCEL),
        False,
    ),
    "lengths that lie": (
        lambda peer: (
            peer.request([*POST, (b"content-length", b"9")], ends=False)
            + frame(Kind.DATA, 1, peer.last, b"hello")
        ),
        False,
    ),
    "requests that are malformed": (lambda peer: peer.request([*get(), (b"connection", b"a")]), True),
    "windows of streams that do not grow": (
        lambda peer: peer.request(get()) + frame(Kind.WINDOW_UPDATE, 0, peer.last, bytes(4)),
        False,
    ),
}
"""By name: what is sent again and again, and whether HAProxy must leave who does so."""


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_costs_others_nothing(secure: Secure, name: str) -> None:
    make, left = FLOODS[name]
    before = resident(secure.haproxy)
    async with served_beside(secure), secure.client() as peer:
        for _ in range(MANY // AT_ONCE):
            await peer.send(*(make(peer) for _ in range(AT_ONCE)))
        await peer.ping()
        assert peer.is_left or not left
        assert peer.is_left or (await peer.ask(get())).status == 200
    assert resident(secure.haproxy) - before < 16 * MEBIBYTE


@pytest.mark.parametrize("part", [b"", b"\0\1a\1b", b"\0\7x-empty\0" * 100])
async def test_a_head_that_goes_on_and_on_ends_with_a_buffer(secure: Secure, part: bytes) -> None:
    before = resident(secure.haproxy)
    async with served_beside(secure), secure.client() as peer:
        await peer.send(frame(Kind.HEADERS, 1, peer.next_stream(), peer.block(get())))
        for _ in range(MANY // AT_ONCE):
            await peer.send(frame(Kind.CONTINUATION, 0, 1, part) * AT_ONCE)
        await peer.until(lambda: False)
        assert peer.is_left
    assert resident(secure.haproxy) - before < 16 * MEBIBYTE
    assert {seen.target for seen in secure.witness.requests} == {"/neighbour"}


MOST = 64 * MEBIBYTE


async def sent_until_it_stops(peer: Peer, data: bytes) -> int:
    """Return how many bytes were sent until the server took no more for half a second, or it were too many."""
    sent = 0
    while sent < MOST:
        try:
            await asyncio.wait_for(peer.send(data), 0.5)
        except TimeoutError:
            break
        sent += len(data)
    return sent


async def test_who_reads_nothing_is_read_no_more(secure: Secure) -> None:
    before = resident(secure.haproxy)
    async with served_beside(secure), connected(secure.haproxy.tls_port, secure.context) as peer:
        await peer.begin(listens=False)
        assert await sent_until_it_stops(peer, _pings(peer) * 4096) < MOST
        assert resident(secure.haproxy) - before < 16 * MEBIBYTE


async def test_answers_that_nobody_takes_hold_no_node_and_come_whole_later(secure: Secure) -> None:
    secure.witness.body = b"a" * 10_000
    try:
        async with served_beside(secure), connected(secure.haproxy.tls_port, secure.context) as peer:
            await peer.begin(initial=settings(initial_window_size=0))
            await peer.send(*(peer.request(get(b"/held")) for _ in range(STREAMS)))
            await eventually_async(lambda: sum(s.status == 200 for s in peer.streams.values()) == STREAMS)
            await eventually_async(lambda: int(secure.haproxy.counters(secure.witness.name)["scur"]) <= 1)
            assert not any(stream.body for stream in peer.streams.values())
            await peer.send(settings(initial_window_size=65_535))
            await peer.over()
        assert [stream.body for stream in peer.streams.values()] == [secure.witness.body] * STREAMS
    finally:
        secure.witness.body = secure.witness.name.encode()


async def test_a_connection_carries_no_more_requests_than_it_may(secure: Secure) -> None:
    async with served_beside(secure), secure.client() as peer:
        await peer.send(*(peer.request(POST, ends=False) for _ in range(STREAMS + 20)))
        await peer.ping()
        assert peer.settings[MAX_CONCURRENT_STREAMS] == STREAMS
        refused = [number for number, stream in peer.streams.items() if stream.reset == REFUSED_STREAM]
        assert refused == list(range(2 * STREAMS + 1, peer.last + 1, 2))
        assert not peer.is_left


class Crowd:
    """Connections that each carry as many requests as they may, end none of them, and take no body of an answer."""

    def __init__(self, secure: Secure, stack: AsyncExitStack) -> None:
        self._secure, self._stack = secure, stack
        self.peers: list[Peer] = []

    async def begin(self, connections: int) -> None:
        """Begin a hundred POSTs on each, and return when HAProxy has read them."""
        for _ in range(connections):
            peer = await self._stack.enter_async_context(
                connected(self._secure.haproxy.tls_port, self._secure.context)
            )
            await peer.begin(initial=settings(initial_window_size=0))
            self.peers.append(peer)
            await peer.send(*(peer.request(POST, ends=False) for _ in range(STREAMS)))
            await peer.ping()

    def refused(self) -> int:
        """Return how many requests were answered with 503."""
        return sum(stream.status == 503 for peer in self.peers for stream in peer.streams.values())


def with_bound(text: str, counter: Counter, bound: int, other: int) -> str:
    """Return the configuration with another bound of what is counted."""
    assert f"sc_conn_cur({counter:d}) gt {bound} }}" in text
    return text.replace(f"sc_conn_cur({counter:d}) gt {bound} }}", f"sc_conn_cur({counter:d}) gt {other} }}")


async def test_requests_under_way_are_bounded_however_few_connections_carry_them() -> None:
    """With a bound of 200, as the real one needs some machine."""

    def lowered(text: str) -> str:
        return with_bound(text, Counter.REQUESTS, MAX_REQUESTS, 2 * STREAMS)

    async with served(lowered) as secure:
        before = resident(secure.haproxy)
        async with AsyncExitStack() as stack:
            crowd = Crowd(secure, stack)
            await crowd.begin(2)
            await eventually_async(lambda: under_way(secure.haproxy) == 2 * STREAMS)
            assert crowd.refused() == 0
            answer = await asked(secure.haproxy.port, request())
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            assert answer.headers["x-request-id"]
            await crowd.begin(10)
            await eventually_async(lambda: crowd.refused() == 10 * STREAMS)
            # Nobody holds a refusal.
            await eventually_async(lambda: under_way(secure.haproxy) == 2 * STREAMS)
            assert resident(secure.haproxy) - before < 2 * STREAMS * 40 * 1024
        await eventually_async(lambda: under_way(secure.haproxy) == 0)
        async with secure.client() as peer:
            assert (await peer.ask(get())).status == 200
        await eventually_async(lambda: secure.witness.requests)
        assert [seen.target for seen in secure.witness.requests] == ["/"]


async def test_no_client_takes_the_last_places_for_requests() -> None:
    """With 100 in the place of 6,000, and 50 in that of 800."""

    def lowered(text: str) -> str:
        crowded = with_bound(text, Counter.REQUESTS, CROWDED, STREAMS)
        return with_bound(crowded, Counter.CROWD, FAIR_SHARE, STREAMS // 2)

    async with served(lowered) as secure:
        async with AsyncExitStack() as stack:
            crowd = Crowd(secure, stack)
            await crowd.begin(3)
            await eventually_async(lambda: under_way(secure.haproxy) == STREAMS * 3 // 2)
            await eventually_async(lambda: crowd.refused() == STREAMS * 3 // 2)
            assert (await asked(secure.haproxy.port, request())).status == 503
            others = [await asked(secure.haproxy.port, request(), source="127.0.0.2") for _ in range(3)]
            assert [answer.status for answer in others] == [200] * 3
        await eventually_async(lambda: under_way(secure.haproxy) == 0)
        assert (await asked(secure.haproxy.port, request())).status == 200


async def test_who_holds_what_he_got_is_let_go_in_time() -> None:
    async with served(timeouts={"clientSeconds": 1}) as secure:
        secure.witness.body = b"a" * 10_000
        async with secure.client() as begun, connected(secure.haproxy.tls_port, secure.context) as holding:
            await begun.send(frame(Kind.HEADERS, 1, begun.next_stream(), begun.block(get())))
            await holding.begin(initial=settings(initial_window_size=0))
            await holding.send(*(holding.request(get(b"/held")) for _ in range(STREAMS)))
            await holding.over()
            await begun.until(lambda: False)
            assert begun.is_left
        assert not any(stream.body for stream in holding.streams.values())
        assert {seen.target for seen in secure.witness.requests} == {"/held"}
