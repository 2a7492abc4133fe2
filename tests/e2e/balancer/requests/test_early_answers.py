"""Answers that come before the whole request does, and the next request on the same connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from pba_lab.making import NewFrontend
from pba_lab.nodes import Node
from pba_lab.patience import eventually_async
from pba_lab.wire_client import Response, connected, request, response
from pba_lab.witness import Witness

SMALL: Final[Mapping[str, Any]] = {"paths": [{"prefix": "/small", "bodyMaxSize": "1Ki"}]}
LONG = b"x" * 2_000_000


def upload(path: str, body: bytes) -> bytes:
    return request(path, f"Content-Length: {len(body)}", method="POST", last=False) + body


def chunked(path: str, body: bytes) -> bytes:
    coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return request(path, "Transfer-Encoding: chunked", method="POST", last=False) + coded


def is_last(answer: Response) -> bool:
    return answer.headers.get("connection") == "close"


class EarlyNode(Node):
    """A node that says no to each upload when it has seen a part of it."""

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> bool:
        head = await self._read_head(reader, writer, seconds)
        if head.startswith(b"POST"):
            await reader.readexactly(100)
            writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        return False


async def test_who_sends_the_next_request_as_told_is_never_left_waiting(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    """In two of a hundred cases the end of the body lay in HAProxy, with the next request, until its time limit."""
    haproxy = await new_frontend(witness, **SMALL)
    for _ in range(400):
        async with asyncio.timeout(10), connected(haproxy.port) as (reader, writer):
            writer.write(upload("/small", LONG))
            await writer.drain()
            refused = await response(reader)
            assert refused.status == 413
            if not is_last(refused):
                writer.write(request(last=False))
                assert (await response(reader)).status == 200


@pytest.mark.parametrize("how", [upload, chunked])
async def test_after_a_long_body_that_is_refused_the_connection_ends(
    new_frontend: NewFrontend, witness: Witness, how: Callable[[str, bytes], bytes]
) -> None:
    """At once as a rule; in two of a hundred cases the end of the body lies in HAProxy, until its time limit."""
    haproxy = await new_frontend(witness, access={"denyCIDRs": ["127.0.0.9/32"]})

    async def ends_at_once() -> bool:
        async with connected(haproxy.port, source="127.0.0.9") as (reader, writer):
            writer.write(how("/", LONG))
            refused = await response(reader)
            assert (refused.status, is_last(refused)) == (403, True)
            try:
                async with asyncio.timeout(10):
                    return await reader.read() == b""
            except TimeoutError:
                return False

    assert any([await ends_at_once() for _ in range(3)])


async def test_after_a_node_says_no_before_the_bodys_end_the_connection_ends(
    new_frontend: NewFrontend,
) -> None:
    async with EarlyNode("early") as node:
        haproxy = await new_frontend(node)
        async with asyncio.timeout(10), connected(haproxy.port) as (reader, writer):
            writer.write(upload("/", LONG))
            refused = await response(reader)
            assert (refused.status, is_last(refused)) == (413, True)


@pytest.mark.parametrize("how", [upload, chunked])
async def test_what_was_read_to_its_end_keeps_the_connection(
    new_frontend: NewFrontend, witness: Witness, how: Callable[[str, bytes], bytes]
) -> None:
    haproxy = await new_frontend(witness)
    async with asyncio.timeout(10), connected(haproxy.port) as (reader, writer):
        for body in (b"x" * 100, b"x" * 20_000, LONG):
            writer.write(how("/", body))
            assert (await response(reader)).status == 200
    await eventually_async(lambda: [len(one.body) for one in witness.requests] == [100, 20_000, len(LONG)])


async def test_after_a_short_body_that_is_refused_the_connection_is_kept(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, **SMALL)
    async with asyncio.timeout(10), connected(haproxy.port) as (reader, writer):
        for size in (1025, 5000, 8192) * 10:
            writer.write(upload("/small", b"x" * size) + request(last=False))
            statuses = [(await response(reader)).status for _ in range(2)]
            assert statuses == [413, 200]
