from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pba_operator.kube import client as module
from pba_operator.kube import errors, kinds
from pba_operator.kube.client import Client
from pba_operator.kube.credentials import Credentials, open_session

POD = kinds.BY_NAME["Pod"]
MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "n"},
    "data": {"k": "v"},
}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Scripted:
    """An API server that answers as the test says, and keeps what it was asked."""

    answers: list[Answer | tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], dict[str, str], Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(
            (request.method, request.path, dict(request.query), headers, json.loads(text or "null"))
        )
        answer = self.answers.pop(0)
        if isinstance(answer, tuple):
            code, body = answer
            return web.Response(status=code, text=json.dumps(body), headers=self.headers)
        return await answer(request)


@pytest.fixture
async def scripted() -> AsyncIterator[tuple[Scripted, str]]:
    script = Scripted()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", script.handle)
    async with TestServer(application) as server:
        yield script, str(server.make_url(""))


@pytest.fixture
async def session(scripted: tuple[Scripted, str]) -> AsyncIterator[aiohttp.ClientSession]:
    tokens = iter(f"token-{number}" for number in range(99))
    async with open_session(Credentials(scripted[1], None, lambda: f"Bearer {next(tokens)}")) as opened:
        yield opened


@pytest.fixture
def script(scripted: tuple[Scripted, str]) -> Scripted:
    return scripted[0]


@pytest.fixture
def seen() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def client(
    scripted: tuple[Scripted, str], session: aiohttp.ClientSession, seen: list[tuple[str, str, str]]
) -> Client:
    return Client(session, scripted[1], observer=lambda *told: seen.append(told))


async def test_an_object_is_read_without_who_manages_it(client: Client, script: Scripted) -> None:
    script.answers = [(200, {**MAP, "metadata": {**MAP["metadata"], "managedFields": [1]}})]  # type: ignore[dict-item]
    assert await client.get(kinds.BY_NAME["ConfigMap"], "n", "a") == MAP
    assert script.asked[0][:2] == ("GET", "/api/v1/namespaces/n/configmaps/a")


async def test_the_token_is_asked_for_each_time(client: Client, script: Scripted) -> None:
    script.answers = [(200, MAP), (200, MAP)]
    for _ in range(2):
        await client.get(POD, "n", "a")
    assert [headers["authorization"] for *_, headers, _ in script.asked] == [
        "Bearer token-0",
        "Bearer token-1",
    ]


async def test_a_listing_comes_in_pages_and_its_items_say_what_they_are(
    client: Client, script: Scripted
) -> None:
    script.answers = [
        (200, {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}),
        (200, {"metadata": {}, "items": [{"kind": "PartialObjectMetadata", "metadata": {"name": "b"}}]}),
    ]
    pages = [page async for page in client.pages(POD, selector="x=y", metadata_only=True, limit=1)]
    assert [
        (item["kind"], item["apiVersion"], item["metadata"]["name"]) for page in pages for item in page
    ] == [
        ("Pod", "v1", "a"),
        ("Pod", "v1", "b"),
    ]
    assert script.asked[0][2] == {"limit": "1", "labelSelector": "x=y"}
    assert script.asked[1][2] == {"limit": "1", "labelSelector": "x=y", "continue": "more"}
    assert "PartialObjectMetadataList" in script.asked[0][3]["accept"]


async def test_an_empty_listing_is_one_empty_page(client: Client, script: Scripted) -> None:
    script.answers = [(200, {"items": None, "metadata": {}})]
    assert [page async for page in client.pages(POD, "n")] == [[]]


async def test_an_apply_is_ours_and_forced(client: Client, script: Scripted) -> None:
    script.answers = [(200, MAP), (200, MAP)]
    await client.apply(MAP)
    await client.apply(MAP, subresource="status")
    method, path, query, headers, body = script.asked[0]
    assert (method, path) == ("PATCH", "/api/v1/namespaces/n/configmaps/a")
    assert query == {"fieldManager": "pba-operator", "force": "true"}
    assert headers["content-type"] == "application/apply-patch+yaml"
    assert body == MAP
    assert script.asked[1][1].endswith("/configmaps/a/status")


async def test_creation_replacement_and_merge(client: Client, script: Scripted) -> None:
    script.answers = [(201, MAP), (200, MAP), (200, MAP)]
    await client.create(MAP)
    await client.replace(MAP)
    await client.merge(kinds.BY_NAME["ConfigMap"], "n", "a", {"data": None})
    told = [(method, path, headers["content-type"]) for method, path, _, headers, _ in script.asked]
    assert told == [
        ("POST", "/api/v1/namespaces/n/configmaps", "application/json"),
        ("PUT", "/api/v1/namespaces/n/configmaps/a", "application/json"),
        ("PATCH", "/api/v1/namespaces/n/configmaps/a", "application/merge-patch+json"),
    ]


async def test_a_deletion_names_the_very_object(client: Client, script: Scripted) -> None:
    script.answers = [(200, {"kind": "Status"}), (200, {"kind": "Pod", "metadata": {"name": "a"}})]
    await client.delete(POD, "n", "a", uid="u1")
    await client.delete(POD, "n", "a", uid="u1")
    assert script.asked[0][4]["preconditions"] == {"uid": "u1"}
    assert [body["propagationPolicy"] for *_, body in script.asked] == ["Background", "Background"]


@pytest.mark.parametrize(
    ("metadata", "is_left"),
    [
        ({}, False),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["kubernetes.io/pvc-protection"]}, True),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}, True),
        ({"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}, False),
        ({"finalizers": ["kubernetes.io/pvc-protection"]}, False),
    ],
)
async def test_an_answer_with_the_object_does_not_mean_that_it_is_still_there(
    client: Client, script: Scripted, metadata: dict[str, Any], is_left: bool
) -> None:
    """Of some kinds (claims, Services) the API server answers the last state of what it has removed."""
    live = {"kind": "Pod", "metadata": {"name": "a", "uid": "u1", **metadata}}
    script.answers = [(200, live)]
    left = await client.delete(POD, "n", "a", uid="u1")
    assert (left is not None) == is_left


async def test_a_refusal_is_an_error_in_the_server_s_words(
    client: Client, script: Scripted, seen: list[tuple[str, str, str]]
) -> None:
    script.answers = [(409, {"kind": "Status", "reason": "AlreadyExists", "message": "it exists"})]
    with pytest.raises(errors.AlreadyExists, match="it exists"):
        await client.create(MAP)
    assert seen == [("CREATE", "ConfigMap", "409")]


async def test_what_is_no_json_is_a_failure_of_the_server(client: Client, script: Scripted) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    script.answers = [page, (502, "bad gateway")]
    with pytest.raises(errors.ServerError, match="no JSON"):
        await client.get(POD, "n", "a")
    with pytest.raises(errors.ServerError, match="502"):
        await client.get(POD, "n", "a")


async def test_no_answer_in_time(
    client: Client, script: Scripted, seen: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response(text="{}")

    script.answers = [hang]
    defaults = module.Client._request.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout", 0.05)
    with pytest.raises(errors.TimedOut):
        await client.get(POD, "n", "a")
    released.set()
    assert seen == [("GET", "Pod", "timeout")]


async def test_no_answer_at_all(session: aiohttp.ClientSession, seen: list[tuple[str, str, str]]) -> None:
    client = Client(session, "http://127.0.0.1:1", observer=lambda *told: seen.append(told))
    with pytest.raises(errors.Unreachable) as raised:
        await client.get(POD, "n", "a")
    assert type(raised.value) is errors.Unreachable
    assert seen == [("GET", "Pod", "unreachable")]


async def test_a_connection_that_breaks_in_the_answer(client: Client, script: Scripted) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        assert request.transport is not None
        request.transport.close()
        return response

    script.answers = [breaks]
    with pytest.raises(errors.Unreachable):
        await client.get(POD, "n", "a")


async def test_who_may_not_write_sends_nothing(
    scripted: tuple[Scripted, str], session: aiohttp.ClientSession
) -> None:
    script, url = scripted

    def refuse() -> None:
        raise errors.Fenced("not the holder")

    client = Client(session, url, may_write=refuse)
    for write in (
        client.apply(MAP),
        client.create(MAP),
        client.replace(MAP),
        client.merge(POD, "n", "a", {}),
        client.delete(POD, "n", "a", uid="u"),
    ):
        with pytest.raises(errors.Fenced):
            await write
    script.answers = [(200, MAP)]
    assert await client.get(POD, "n", "a") == MAP
    assert len(script.asked) == 1
