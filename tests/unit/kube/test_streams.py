from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import TestServer
from pba_simulation.time import ManualClock
from yarl import URL

from pba_operator.kube import kinds
from pba_operator.kube.credentials import Credentials, open_session
from pba_operator.kube.streams import SILENCE_SECONDS, STREAM_SECONDS, Stream, Streams

SERVER = "https://api:6443"
PODS = Stream("Pod", "")
LIST = URL(f"{SERVER}/api/v1/pods?labelSelector=pba.dev/cluster&limit=100")
WATCH = URL(f"{SERVER}/api/v1/pods?watch=true&resourceVersion=7")


class Bench:
    def __init__(self, namespaces: tuple[str, ...] = ()) -> None:
        self.clock = ManualClock()
        self.gaps: list[Stream] = []
        self.streams = Streams(namespaces, self.clock, self.gaps.append)

    def answered(self, url: URL) -> aiohttp.StreamReader:
        """Have a request of kopf's be answered; return what brings the rest of the answer."""
        loop = asyncio.get_running_loop()
        content = aiohttp.StreamReader(BaseProtocol(loop), 2**16, loop=loop)
        self.streams.answered(url, content)
        return content


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_listing_is_a_gap(bench: Bench) -> None:
    bench.answered(LIST)
    assert bench.gaps == [PODS]


async def test_a_watch_that_ends_in_time_is_none(bench: Bench) -> None:
    bench.answered(WATCH)
    for _ in range(3):
        await bench.clock.advance(STREAM_SECONDS)
        bench.answered(WATCH)
    assert bench.gaps == []


async def test_a_watch_that_was_broken_off_is_a_gap(bench: Bench) -> None:
    bench.answered(WATCH)
    await bench.clock.advance(100)
    bench.answered(WATCH)
    assert bench.gaps == [PODS]


async def test_other_requests_say_nothing(bench: Bench) -> None:
    bench.answered(URL(f"{SERVER}/api/v1/nodes"))
    bench.answered(URL(f"{SERVER}/apis"))
    assert bench.gaps == []


async def test_a_stream_of_which_nothing_is_seen_is_silent(bench: Bench) -> None:
    await bench.clock.advance(SILENCE_SECONDS)
    assert bench.streams.silent(SILENCE_SECONDS) == {}
    bench.answered(WATCH)
    bench.streams.saw(kinds.BY_NAME["Secret"], "default")
    await bench.clock.advance(1)
    silent = bench.streams.silent(SILENCE_SECONDS)
    assert PODS not in silent
    assert Stream("Secret", "") not in silent
    assert silent[Stream("Deployment", "")] == SILENCE_SECONDS + 1
    assert len(silent) == len(kinds.WATCHED) - 2


async def test_a_bookmark_is_a_sign_of_life_though_no_handler_hears_of_it(bench: Bench) -> None:
    content = bench.answered(WATCH)
    for _ in range(3):
        await bench.clock.advance(60)
        content.feed_data(b'{"type": "BOOKMARK"}\n')
        assert PODS not in bench.streams.silent(SILENCE_SECONDS)
    await bench.clock.advance(SILENCE_SECONDS)
    assert PODS not in bench.streams.silent(SILENCE_SECONDS)
    await bench.clock.advance(1)
    assert bench.streams.silent(SILENCE_SECONDS)[PODS] == SILENCE_SECONDS + 1


async def test_what_an_older_watch_still_says_counts_no_more(bench: Bench) -> None:
    old = bench.answered(WATCH)
    bench.answered(WATCH)
    await bench.clock.advance(SILENCE_SECONDS + 1)
    old.feed_data(b"{}\n")
    assert PODS in bench.streams.silent(SILENCE_SECONDS)


async def test_each_namespace_has_its_stream() -> None:
    bench = Bench(("a", "b"))
    bench.answered(URL(f"{SERVER}/api/v1/namespaces/a/pods?watch=true"))
    bench.streams.saw(kinds.BY_NAME["Pod"], "b")
    bench.answered(LIST)
    assert bench.gaps == []
    await bench.clock.advance(SILENCE_SECONDS + 1)
    bench.streams.saw(kinds.BY_NAME["Pod"], "a")
    silent = bench.streams.silent(SILENCE_SECONDS)
    assert Stream("Pod", "a") not in silent
    assert Stream("Pod", "b") in silent


async def test_a_session_tells_of_its_requests(bench: Bench) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({}, status=410 if "gone" in request.query else 200)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    async with TestServer(application) as server:
        url = str(server.make_url("")).rstrip("/")
        trace = bench.streams.trace()
        async with open_session(Credentials(url, None, lambda: None), trace=trace) as session:
            async with session.get(f"{url}/api/v1/pods?gone=1") as response:
                assert response.status == 410
            assert bench.gaps == []
            async with session.get(f"{url}/api/v1/pods"):
                pass
            assert isinstance(session, aiohttp.ClientSession)
    assert bench.gaps == [PODS]
