"""What becomes of watch events on their way.

What a real API server may show, and what it may not:

- Within one stream, events come in the order of their resourceVersions, each once, as long as the stream lives. They
  may come as late as they like, and streams know nothing of each other: that of one kind may be minutes behind that
  of another, and behind our own writes. So `hold` and `jitter` keep the order within a stream, and no other.
- A stream may end at any time, and go on from the last resourceVersion that the client has seen: nothing is lost.
  It may also find that history is gone (410): then the client lists, and what was deleted meanwhile was never told.
  So `lose` ends with that: a stream which drops events and lives on happily is not what a real one does.
- A stream may go silent for good without an end (`mute`): a machine on the way has forgotten the connection.
- An API server that is behind the others (several of them behind one balancer) shows what is long past: what the
  client has seen already, in its order, and then the rest (`replay`). Listings without a resourceVersion are never
  behind (they are quorum reads), and the proxy leaves them as they are.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from aiohttp import web

from pba_faults.exchange import Exchange

Event = dict[str, Any]
GONE: dict[str, Any] = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": "Expired",
        "code": 410,
        "message": "too old resource version: a fault of this test",
    },
}

FAILED = {"type": "ERROR", "object": {**GONE["object"], "reason": "InternalError", "code": 500}}


class Stream:
    """One watch that is open."""

    def __init__(self, exchange: Exchange, response: web.StreamResponse) -> None:
        self.exchange = exchange
        self.muted = False
        self.ended = asyncio.Event()
        self._response = response
        self._turn = asyncio.Lock()

    async def send(self, event: Event) -> None:
        """Send one event, unless nothing comes through any more."""
        await self.send_bytes(json.dumps(event).encode() + b"\n")

    async def send_bytes(self, data: bytes) -> None:
        """Send what may be less than an event, unless nothing comes through any more."""
        async with self._turn:
            if not self.muted and not self.ended.is_set():
                await self._response.write(data)

    def end(self) -> None:
        """End it as an API server does that closes a watch."""
        self.ended.set()

    async def expire(self) -> None:
        """End it because history is gone."""
        await self.send(GONE)
        self.end()


class Events:
    """All streams, what is being done to them, and what they have shown."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.past: dict[str, list[Event]] = {}
        """What was shown of each kind, the oldest first."""
        self.lost: list[Event] = []
        self._released = asyncio.Event()
        self._held: Callable[[str], bool] = lambda _kind: False
        self._loses: Callable[[Event], bool] = lambda _event: False
        self._expired: set[str] = set()
        self._jitter: tuple[random.Random, float] | None = None
        self._behind = False

    def hold(self, *kinds: str) -> None:
        """Let no event of these kinds (none named: of any kind) through until `release`."""
        self._held = lambda kind: not kinds or kind in kinds

    def release(self) -> None:
        """Let the events through that were held, and those that follow."""
        self._held = lambda _kind: False
        self._released.set()
        self._released = asyncio.Event()

    def jitter(self, seed: int, up_to: float) -> None:
        """Delay every event by up to so many seconds; 0: no more."""
        self._jitter = (random.Random(seed), up_to) if up_to else None  # noqa: S311 - a test's own dice

    def lose(self, where: Callable[[Event], bool]) -> None:
        """Drop the events that `where` holds for, until history is found to be gone (`expire`)."""
        self._loses = where

    async def expire(self) -> None:
        """End all streams, and let history be gone: the next watch of each is told so as well."""
        self._loses = lambda _event: False
        self._expired = {stream.exchange.kind for stream in self.streams}
        for stream in list(self.streams):
            await stream.expire()

    async def fail(self) -> None:
        """Tell every stream of an error that is not 410."""
        for stream in list(self.streams):
            await stream.send(FAILED)

    def end(self) -> None:
        """End all streams in the way that does no harm."""
        for stream in self.streams:
            stream.end()

    def mute(self) -> None:
        """Have nothing come through the streams that are open now, ever again."""
        for stream in self.streams:
            stream.muted = True

    async def replay(self) -> None:
        """Show on every open stream again what its kind has shown from the beginning."""
        for stream in list(self.streams):
            for event in list(self.past.get(stream.exchange.kind, ())):
                await stream.send(event)

    def fall_behind(self) -> None:
        """Have every stream that is opened from now on begin with all of the past."""
        self._behind = True

    async def opened(self, stream: Stream) -> bool:
        """Take in a new stream; tell whether it may go on."""
        if stream.exchange.kind in self._expired:
            self._expired.discard(stream.exchange.kind)
            await stream.expire()
            return False
        self.streams.append(stream)
        if self._behind:
            for event in list(self.past.get(stream.exchange.kind, ())):
                await stream.send(event)
        return True

    async def passes(self, stream: Stream, event: Event) -> None:
        """Take one event along its way."""
        kind = stream.exchange.kind
        if self._jitter is not None:
            dice, up_to = self._jitter
            await asyncio.sleep(dice.uniform(0, up_to))
        while self._held(kind):
            await self._released.wait()
        if event["type"] != "BOOKMARK" and self._loses(event):
            self.lost.append(event)
            return
        if event["type"] != "BOOKMARK":
            self.past.setdefault(kind, []).append(event)
        await stream.send(event)
