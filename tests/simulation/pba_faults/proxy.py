"""The proxy: the operator speaks to it, and it to the API server.

It lives in a thread of its own, with its own event loop: the operator ends every task of the loop that it runs in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from pba_faults.exchange import Exchange, exchange_of
from pba_faults.script import Fault, Late, LoseAnswer, Refuse, Rule, Silence, Weather, Where
from pba_faults.streams import Events, Stream
from pba_hack.apiserver import CLOSING_SECONDS, ApiServer, trusting
from pba_hack.loopback import free_port

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server", "host"}
HOST = "127.0.0.1"


class Proxy:
    """A way to the API server on which everything can happen; all of it happens in one event loop."""

    def __init__(self, server: ApiServer, tls: ssl.SSLContext | None = None) -> None:
        """Lead to `server`; with `tls`, the way to here is over TLS as well."""
        self._server = server
        self._tls = tls
        self.port = 0
        self.events = Events()
        self.rules: list[Rule] = []
        self.weather: Weather | None = None
        self.written: list[Exchange] = []
        """The writes that the API server has carried out, the Lease's apart."""
        self.cut_after: float = float("inf")
        """After so many writes nothing comes through any more, not even the answer to the last one."""
        self.cut = asyncio.Event()
        self._silent = False
        self._under_way: set[asyncio.Future[web.Response]] = set()
        self._web = web.Server(self._handle, handler_cancellation=True)
        self._runner = web.ServerRunner(self._web)
        self._site: web.TCPSite | None = None
        self._void: list[socket.socket] = []
        self._session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    async def start(self) -> None:
        """Begin to listen."""
        connector = aiohttp.TCPConnector(ssl=trusting(self._server.ca_file), limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        await self._runner.setup()
        await self.up()

    async def stop(self) -> None:
        """End, and everything that goes through it."""
        self.abort()
        while self._void:
            self._void.pop().close()
        try:
            await self._runner.cleanup()
            await asyncio.gather(*self._under_way, return_exceptions=True)
        finally:
            if self._session is not None:
                await self._session.close()
                await asyncio.sleep(CLOSING_SECONDS)

    async def up(self) -> None:
        """Be there (again)."""
        self._silent = False
        while self._void:
            self._void.pop().close()
        self.port = self.port or free_port()
        if self._site is None:
            self._site = web.TCPSite(self._runner, HOST, self.port, reuse_address=True, ssl_context=self._tls)
            await self._site.start()

    async def down(self, *, silently: bool = False) -> None:
        """Go away, until `up`: connections break and are refused.

        Silently: as a machine that is off. What was open stays open, and nothing comes through it ever again; who
        tries to connect is not answered at all.
        """
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if silently:
            self._silent = True
            self.events.mute()
            self._void = _void(self.port)
        else:
            self.abort()

    def abort(self) -> None:
        """Break every connection, as a machine on the way does that has forgotten them."""
        for connection in self._web.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = exchange_of(request.method, request.url, request.headers.get("Content-Type", ""))
        body = await request.read()
        if self._silent or self.cut.is_set():
            await _for_ever()
        fault = next((rule.fault for rule in self.rules if rule.meets(exchange)), None)
        if fault is None and self.weather is not None:
            fault = self.weather.fault(exchange)
        match fault:
            case Refuse():
                headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                return web.json_response(fault.body, status=fault.code, headers=headers)
            case Silence(done=False):
                await _for_ever()
            case Late(seconds):
                await asyncio.sleep(seconds)
        if exchange.verb == "WATCH":
            return await self._watch(exchange, request)
        answer = await self._forward(exchange, request, body)
        if isinstance(fault, Silence) or self.cut.is_set():
            await _for_ever()
        if isinstance(fault, LoseAnswer) and request.transport is not None:
            request.transport.abort()
        return answer

    def _upstream(self, request: web.BaseRequest, **options: Any) -> Any:
        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        return self._session.request(
            request.method,
            URL(self._server.url + request.raw_path, encoded=True),
            headers=headers,
            skip_auto_headers=("Content-Type",),
            **options,
        )

    async def _forward(self, exchange: Exchange, request: web.BaseRequest, body: bytes) -> web.Response:
        # Whatever becomes of the client, what has been sent is carried out: so it is with a real server.
        work = asyncio.ensure_future(self._carry_out(exchange, request, body))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        return await asyncio.shield(work)

    async def _carry_out(self, exchange: Exchange, request: web.BaseRequest, body: bytes) -> web.Response:
        async with self._upstream(request, data=body or None) as found:
            data = await found.read()
            headers = {name: value for name, value in found.headers.items() if name.lower() not in _HOP}
            if exchange.is_write and found.status < 400:
                self.written.append(exchange)
                if len(self.written) >= self.cut_after:
                    self.cut.set()
            return web.Response(body=data, status=found.status, headers=headers)

    async def _watch(self, exchange: Exchange, request: web.BaseRequest) -> web.StreamResponse:
        async with self._upstream(request, timeout=aiohttp.ClientTimeout(total=None)) as found:
            response = web.StreamResponse(
                status=found.status, headers={"Content-Type": found.headers["Content-Type"]}
            )
            await response.prepare(request)
            if found.status != 200:
                await response.write(await found.read())
                return response
            stream = Stream(exchange, response)
            try:
                if await self.events.opened(stream):
                    await self._pump(found, stream)
            finally:
                if stream in self.events.streams:
                    self.events.streams.remove(stream)
            if stream.muted:
                await _for_ever()
            return response

    async def _pump(self, found: aiohttp.ClientResponse, stream: Stream) -> None:
        reading = asyncio.ensure_future(self._read(found, stream))
        ending = asyncio.ensure_future(stream.ended.wait())
        try:
            done, _ = await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (reading, ending):
                task.cancel()
            await asyncio.gather(reading, ending, return_exceptions=True)

    async def _read(self, found: aiohttp.ClientResponse, stream: Stream) -> None:
        rest = b""
        async for data in found.content.iter_any():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                await self.events.passes(stream, json.loads(line))


def _void(port: int) -> list[socket.socket]:
    """Listen on `port` without ever accepting, the queue full: Linux leaves who wants to connect unanswered."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((HOST, port))
    listening.listen(0)
    return [listening, socket.create_connection((HOST, port), 5)]


def _certified(server: ApiServer) -> ssl.SSLContext:
    """Return what shows the certificate of `server`: it has made that by itself, and nobody else signed it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.ca_file, server.ca_file.with_suffix(".key"))
    return context


async def _for_ever() -> None:
    """Keep a request waiting until its client gives up."""
    await asyncio.Event().wait()


class Road:
    """The proxy in its thread, for tests that are not in its event loop."""

    def __init__(self, proxy: Proxy, loop: asyncio.AbstractEventLoop, kubeconfig: Path) -> None:
        self._proxy = proxy
        self._loop = loop
        self.kubeconfig = kubeconfig
        self.port = proxy.port

    def do(self, work: Callable[[Proxy], Any]) -> Any:
        """Do something with the proxy, in its own event loop; return what it answers."""

        async def doing() -> Any:
            answer = work(self._proxy)
            return await answer if isinstance(answer, Awaitable) else answer

        return asyncio.run_coroutine_threadsafe(doing(), self._loop).result(30)

    def rule(self, fault: Fault, where: Where, times: float = 1, skip: int = 0) -> Rule:
        """Have requests meet a fault from now on."""
        made = Rule(fault, where, times, skip)
        self.do(lambda proxy: proxy.rules.append(made))
        return made

    def bad_weather(self, seed: int, late: float = 0.05) -> Weather:
        """Have requests fail by chance from now on, and every event be late by up to `late` seconds.

        That is less than a reconcile waits that has lost an answer, even where several come one after another: it
        would send the same once more.
        """
        made = Weather(seed)

        def begin(proxy: Proxy) -> None:
            proxy.weather = made
            proxy.events.jitter(seed, late)

        self.do(begin)
        return made

    def clear(self) -> None:
        """Let everything through again."""

        async def clear(proxy: Proxy) -> None:
            proxy.rules.clear()
            proxy.weather = None
            proxy.events.jitter(0, 0)
            proxy.events.release()
            await proxy.up()

        self.do(clear)


@contextlib.contextmanager
def road(server: ApiServer, folder: Path, *, tls: bool = False) -> Iterator[Road]:
    """Run a proxy in a thread until the block ends; its kubeconfig is in `folder`.

    Args:
        server: where it leads to.
        folder: for its kubeconfig.
        tls: whether it speaks TLS, with the certificate of `server`; its kubeconfig is for those who do not.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()

    async def begin() -> Proxy:
        proxy = Proxy(server, _certified(server) if tls else None)
        await proxy.start()
        return proxy

    proxy = asyncio.run_coroutine_threadsafe(begin(), loop).result(30)
    try:
        kubeconfig = folder / "proxy.kubeconfig"
        config = json.loads(server.kubeconfig.read_text())
        config["clusters"][0]["cluster"] = {"server": proxy.url}
        kubeconfig.touch(0o600)
        kubeconfig.write_text(json.dumps(config))
        yield Road(proxy, loop, kubeconfig)
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
