"""Frontends whose sidecars tell each other what clients ask for, and clients that ask at a steady rate."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from pba_hack.loopback import free_port
from pba_lab.haproxy import HAProxyProcess
from pba_lab.wire_client import request, response
from pba_sync import probes
from pba_sync.balancer.exchange import Exchange
from pba_sync.balancer.others import Address
from pba_sync.haproxy.runtime import HAProxy


class RatesSidecar:
    """The part of a frontend's sidecar that knows of clients' rates: its looks, and its page for the others."""

    def __init__(
        self, process: HAProxyProcess, limit: int, others: Callable[[], Mapping[str, Address]]
    ) -> None:
        """Begin; `others` returns where the other sidecars are."""
        self.port = free_port()
        self.spread = self.unheard = 0
        haproxy = HAProxy(process.socket, 2.0, lambda _verb, _succeeded: None)
        self._exchange = Exchange(haproxy, limit, others, time.monotonic, self._note)
        self._server = probes.serve(
            "127.0.0.1",
            self.port,
            healthz=str,
            readyz=str,
            started=str,
            metrics=bytes,
            rates=self._exchange.page,
        )
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.01,)),
            threading.Thread(target=self._exchange.run, args=(self._ended,)),
        ]
        for thread in self._threads:
            thread.start()

    def _note(self, spread: int, unheard: int) -> None:
        self.spread, self.unheard = spread, unheard

    def kill(self) -> None:
        """End at once: nobody answers at its port any more, and HAProxy is told nothing."""
        if not self._ended.is_set():
            self._ended.set()
            self._server.shutdown()
            self._server.server_close()
            for thread in self._threads:
                thread.join()


class Asking:
    """A client at one frontend: so many requests in a second, one after another, over a kept connection."""

    def __init__(self, port: int, rate: float, address: str) -> None:
        """Begin; the frontend believes `address`, which the client gives as its own."""
        self._port = port
        self._pause = 1 / rate
        self._text = request("/", f"X-Forwarded-For: {address}", last=False)
        self._task = asyncio.create_task(self._ask())
        self.ends: list[tuple[float, int]] = []
        """Of each answer: when, and its status."""

    async def _ask(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    await self._ask_over(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(self._pause)

    async def _ask_over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = True
        while kept:
            # One that is late does not make up for it: no second has more requests than it shall have.
            due = time.monotonic() + self._pause
            writer.write(self._text)
            answer = await response(reader)
            kept = answer.headers.get("connection") != "close"
            self.ends.append((time.monotonic(), answer.status))
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def since(self, moment: float) -> Counter[int]:
        """Return how often there was which status since then."""
        return Counter(end for at, end in self.ends if at >= moment)

    def longest_pause(self, moment: float) -> float:
        """Return the longest time without an answer of which a part was since then, in seconds."""
        times = [*(at for at, _ in self.ends), time.monotonic()]
        pauses = (later - earlier for earlier, later in pairwise(times) if later >= moment)
        return max(pauses, default=math.inf)

    async def end(self) -> None:
        """Ask no more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


@contextlib.contextmanager
def telling(processes: list[HAProxyProcess], limit: int) -> Iterator[list[RatesSidecar]]:
    """Give each of these frontends a sidecar that knows of the others; all end with the block."""
    made: list[RatesSidecar] = []

    def others(own: int) -> Mapping[str, Address]:
        return {
            f"shop-frontend-{number}": ("127.0.0.1", sidecar.port)
            for number, sidecar in enumerate(made)
            if number != own
        }

    try:
        for number, process in enumerate(processes):
            made.append(RatesSidecar(process, limit, lambda own=number: others(own)))  # type: ignore[misc]
        yield made
    finally:
        for sidecar in made:
            sidecar.kill()
