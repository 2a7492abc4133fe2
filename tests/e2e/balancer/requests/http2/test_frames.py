"""Frames that RFC 9113 does not allow: who sends them is left, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pba_lab.h2_peer import CANCEL, Kind, Peer, frame, get
from pba_lab.patience import eventually_async
from pba_lab.secure import Secure
from pba_lab.smuggling import assert_nothing_was_smuggled

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _of_stream(*frames: bytes) -> Callable[[Peer], bytes]:
    return lambda peer: peer.request(get(b"/", method=b"POST"), ends=False) + b"".join(frames)


BROKEN: dict[str, Callable[[Peer], bytes]] = {
    "a body before its request": lambda _: frame(Kind.DATA, 1, 1, b"hello"),
    "a stream of the server's": lambda peer: peer.request(get(), stream=2),
    "a stream that is no more": lambda peer: peer.request(get()) + peer.request(get(), stream=1),
    "CONTINUATION of nothing": lambda peer: frame(Kind.CONTINUATION, 4, 1, peer.block(get())),
    "another frame within a head": lambda peer: (
        frame(Kind.HEADERS, 1, 1, peer.block(get())) + frame(Kind.PING, 0, 0, b"12345678")
    ),
    "CONTINUATION of another stream": lambda peer: (
        frame(Kind.HEADERS, 1, 1, peer.block(get())) + frame(Kind.CONTINUATION, 4, 3)
    ),
    "a frame beyond the greatest": _of_stream(frame(Kind.DATA, 1, 1, b"a" * 16_385)),
    "trailers that do not end it": _of_stream(
        frame(Kind.DATA, 0, 1, b"hello"), frame(Kind.HEADERS, 4, 1, b"\0\1a\1b")
    ),
    "padding beyond the frame": _of_stream(frame(Kind.DATA, 9, 1, b"\xffhello")),
    "a stream that depends on itself": lambda peer: frame(
        Kind.HEADERS, 0x25, 1, b"\0\0\0\1\0" + peer.block(get())
    ),
    "an index that there is not": lambda _: frame(Kind.HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\x0f"),
    "the index 0": lambda _: frame(Kind.HEADERS, 5, 1, b"\x80"),
    "a string beyond the head": lambda peer: frame(
        Kind.HEADERS, 5, 1, peer.block(get()) + b"\0\x7f\xff\x01a"
    ),
    "codes that Huffman has not": lambda peer: frame(
        Kind.HEADERS, 5, 1, peer.block(get()) + b"\0\x84\xff\xff\xff\xff\x01a"
    ),
    "a table beyond what was agreed": lambda peer: frame(
        Kind.HEADERS, 5, 1, b"\x3f\xff\xff\xff\x7f" + peer.block(get())
    ),
    "a promise": lambda peer: frame(Kind.PUSH_PROMISE, 4, 1, b"\0\0\0\2" + peer.block(get())),
    "a window beyond 31 bits": lambda _: frame(Kind.SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"),
    "a window that overflows": lambda _: frame(Kind.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
    "a window that does not grow": lambda _: frame(Kind.WINDOW_UPDATE, 0, 0, bytes(4)),
    "settings of a stream": lambda _: frame(Kind.SETTINGS, 0, 1),
    "settings cut short": lambda _: frame(Kind.SETTINGS, 0, 0, b"\0\4\0"),
    "a reset of nothing": lambda _: frame(Kind.RST_STREAM, 0, 1, CANCEL),
    "a request of HTTP/1": lambda _: b"GET /smuggled HTTP/1.1\r\nHost: inside\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_who_breaks_the_protocol_is_left_and_nobody_else(secure: Secure, name: str) -> None:
    async with secure.client() as peer, secure.client() as neighbour:
        await peer.send(BROKEN[name](peer))
        await peer.until(lambda: peer.is_left)
        assert (await neighbour.ask(get(b"/neighbour"))).status == 200
        await eventually_async(lambda: "/neighbour" in [seen.target for seen in secure.witness.requests])
    # What was whole before it may have reached the node, once.
    reached = sorted(seen.target for seen in secure.witness.requests)
    assert reached in (["/neighbour"], ["/", "/neighbour"])
    assert_nothing_was_smuggled(secure.witness)
