from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import TestServer
from pba_simulation.time import ManualClock
from yarl import URL

from pba_operator.kube import kinds
from pba_operator.kube.credentials import Credentials, open_session
from pba_operator.kube.streams import NOBODY, SILENCE_SECONDS, STREAM_SECONDS, Stream, Streams

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


@pytest.mark.parametrize("early", [0, 5])
async def test_a_watch_that_ends_in_time_is_none(bench: Bench, early: float) -> None:
    """Of the time that is asked for, the way of the request and its answer takes some: it is no broken watch."""
    bench.answered(WATCH)
    for _ in range(3):
        await bench.clock.advance(STREAM_SECONDS - early)
        bench.answered(WATCH)
    assert bench.gaps == []


@pytest.mark.parametrize("early", [15, 190])
async def test_a_watch_that_was_broken_off_is_a_gap(bench: Bench, early: float) -> None:
    bench.answered(WATCH)
    await bench.clock.advance(STREAM_SECONDS - early)
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


@dataclass
class ApiServer:
    """Answers listings of pods; `history` is the oldest state of the cluster that it still has."""

    url: str = ""
    history: int = 0
    refuses: bool = False
    refusal: str = "{}"
    """What it says of a state that it does not have any more."""
    asked: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if self.refuses:
            return web.json_response({}, status=403)
        if "fieldSelector" not in request.query:
            return web.json_response({"items": [{}], "metadata": {"resourceVersion": "90"}})
        if int(request.query["resourceVersion"]) < self.history:
            return web.Response(text=self.refusal, status=410)
        version = {"resourceVersion": request.query["resourceVersion"]}
        return web.json_response({"items": [], "metadata": version})


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    made, application = ApiServer(), web.Application()
    application.router.add_get("/api/v1/pods", made.answer)
    async with TestServer(application) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


async def _list(bench: Bench, server: ApiServer) -> dict[str, Any]:
    """List pods as kopf does."""
    credentials = Credentials(server.url, None, lambda: None)
    async with (
        open_session(credentials, bench.streams.follow) as session,
        session.get(f"{server.url}/api/v1/pods", params={"limit": "100"}) as response,
    ):
        found: dict[str, Any] = await response.json()
        return found


async def test_a_listing_is_told_by_the_session_unless_it_was_refused(
    bench: Bench, server: ApiServer
) -> None:
    await bench.clock.advance(SILENCE_SECONDS + 1)
    server.refuses = True
    assert await _list(bench, server) == {}
    assert bench.gaps == []
    assert PODS in bench.streams.silent(SILENCE_SECONDS), "a refusal is no sign of life"
    server.refuses = False
    await _list(bench, server)
    assert bench.gaps == [PODS]
    assert PODS not in bench.streams.silent(SILENCE_SECONDS)


async def test_what_was_listed_is_not_listed_again_and_the_watch_begins_there(
    bench: Bench, server: ApiServer
) -> None:
    bench.streams.listed(PODS, "77")
    assert await _list(bench, server) == {"items": [], "metadata": {"resourceVersion": "77"}}
    (asked,) = server.asked
    assert asked == {
        "limit": "100",
        "fieldSelector": NOBODY,
        "resourceVersion": "77",
        "resourceVersionMatch": "Exact",
    }
    assert bench.gaps == [], "nothing was missed"


async def test_only_the_first_listing_is_spared_and_a_later_one_is_a_gap(
    bench: Bench, server: ApiServer
) -> None:
    bench.streams.listed(PODS, "77")
    await _list(bench, server)
    assert (await _list(bench, server))["items"] == [{}]
    assert bench.gaps == [PODS]


async def test_a_state_that_the_api_server_has_forgotten_is_listed_anew(
    bench: Bench, server: ApiServer
) -> None:
    bench.streams.listed(PODS, "77")
    server.history = 78
    assert (await _list(bench, server))["metadata"] == {"resourceVersion": "90"}
    assert server.asked[-1] == {"limit": "100"}
    assert bench.gaps == [PODS]


async def test_a_refused_listing_gives_its_connection_back(bench: Bench, server: ApiServer) -> None:
    answers: list[aiohttp.ClientResponse] = []

    async def note(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        answers.append(await handler(request))
        return answers[-1]

    bench.streams.listed(PODS, "77")
    server.history = 78
    server.refusal = "x" * 2**22  # more than is read ahead: what has come whole holds no connection
    credentials = Credentials(server.url, None, lambda: None)
    async with (
        open_session(credentials, bench.streams.follow, note) as session,
        session.get(f"{server.url}/api/v1/pods") as response,
    ):
        assert response.status == 200
        refused, _ = answers
        assert refused.status == 410
        assert refused.connection is None


async def test_a_stream_that_begins_where_ours_ended_lives(bench: Bench, server: ApiServer) -> None:
    bench.streams.listed(PODS, "77")
    await bench.clock.advance(SILENCE_SECONDS + 1)
    assert PODS in bench.streams.silent(SILENCE_SECONDS)
    await _list(bench, server)
    assert PODS not in bench.streams.silent(SILENCE_SECONDS)
