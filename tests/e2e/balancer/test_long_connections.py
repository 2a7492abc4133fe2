"""Connections that last: WebSocket and answers that come late or bit by bit, also while their node goes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pba_lab import HAProxyProcess
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.websocket import EchoNode, opening
from pba_lab.wire_client import asked, connected, request

from pba_sync.haproxy import commands
from pba_sync.judging.answers import cut_off, parsed


async def test_websocket_passes_in_both_directions(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, echo: EchoNode
) -> None:
    sidecar = new_sidecar()
    sidecar.tell([echo])
    await eventually_async(lambda: sidecar.loop.ready)
    async with asyncio.timeout(20), connected(haproxy.port) as (reader, writer):
        writer.write(opening())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("http/1.1 101 ")
        assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n" in head
        for frame in (b"\x81\x05hello", b"\x82\x7e\xff\xff" + b"\0\r\n\r\n" * 13_107, b"\x88\x00"):
            writer.write(frame)
            assert await reader.readexactly(len(frame)) == frame


async def test_a_node_that_goes_keeps_its_websockets_until_the_deadline_and_they_are_told_apart_in_the_log(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, echo: EchoNode
) -> None:
    sidecar = new_sidecar(drain_seconds=2.0)
    (other,) = await new_nodes(1)
    sidecar.tell([echo])
    await eventually_async(lambda: sidecar.loop.ready)
    async with asyncio.timeout(30), connected(haproxy.port) as (reader, writer):
        writer.write(opening())
        await reader.readuntil(b"\r\n\r\n")
        sidecar.tell([other], draining=[echo])
        await eventually_async(lambda: sidecar.changes[-1].kind.value == "drained")
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"
        assert (await asked(haproxy.port, request())).body == other.name.encode()
        assert await reader.read() == b""
    await eventually_async(lambda: not sidecar.has(echo.name))
    await eventually_async(lambda: _logged(haproxy))
    (entry,) = _logged(haproxy)
    assert (entry["upgraded"], entry["node"], entry["end"][0]) == ("websocket", echo.name, "K")
    assert cut_off(parsed(sidecar.haproxy.answers())) == {"websocket": 1}


async def test_a_websocket_is_opened_at_no_node_on_trial(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, echo: EchoNode
) -> None:
    sidecar = new_sidecar()
    (out,) = await new_nodes(1)
    sidecar.tell([echo, out])
    await eventually_async(lambda: sidecar.loop.ready and len(sidecar.haproxy.servers()) == 2)
    for command in (commands.set_weight(out.name, 0), commands.give_trial(out.name)):
        haproxy.ask(command.text)
    async with asyncio.timeout(20), connected(haproxy.port) as (reader, writer):
        writer.write(opening())
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 101 ")
    assert (await asked(haproxy.port, request())).body == out.name.encode(), "the trial is the next GET"


async def test_an_answer_that_comes_bit_by_bit_is_passed_on_as_it_comes(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, echo: EchoNode
) -> None:
    sidecar = new_sidecar()
    sidecar.tell([echo])
    await eventually_async(lambda: sidecar.loop.ready)
    async with asyncio.timeout(20), connected(haproxy.port) as (reader, writer):
        writer.write(request("/events"))
        await reader.readuntil(b"\r\n\r\n")
        for number in range(3):
            echo.say.set()
            assert b"data: %d\n" % number in await reader.readuntil(b"\n\r\n")
        echo.end.set()
        echo.say.set()
        assert (await reader.read()).endswith(b"0\r\n\r\n")


def _logged(haproxy: HAProxyProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in haproxy.log.read_text().splitlines() if line.startswith("{")]
