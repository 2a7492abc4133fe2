"""pykube's traps, against a small server that answers as an API server does at its worst."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pykube  # type: ignore[import-untyped]
import pytest

from pba_sync.watching import kube
from pba_sync.watching.errors import AccessRefusedError, ApiUnavailableError, ViewExpiredError
from pba_sync.watching.external import Declared, External
from pba_sync.watching.kube import Followed
from pba_sync.watching.membership import Endpoint


class FakeApi(ThreadingHTTPServer):
    """Answers every GET with `status` and `lines`; notes what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.lines: list[bytes] = []
        self.hold = threading.Event()
        self.hold.set()
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, *documents: Any, status: int = 200) -> None:
        self.status = status
        self.lines = [json.dumps(document).encode() + b"\n" for document in documents]


class _Handler(BaseHTTPRequestHandler):
    server: FakeApi

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append((url.path, parse_qs(url.query), self.headers.get("Authorization", "")))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        for line in self.server.lines:
            self.wfile.write(line)
        self.wfile.flush()
        self.server.hold.wait(10)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[FakeApi]:
    server = FakeApi()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def tokens() -> list[str]:
    return ["first"]


@pytest.fixture
def slices(api: FakeApi, tokens: list[str]) -> Slices:
    def configure() -> pykube.KubeConfig:
        config = pykube.KubeConfig.from_url(api.url)
        config.doc["users"] = [{"name": "self", "user": {"token": tokens[-1]}}]
        config.doc["contexts"][0]["context"]["user"] = "self"
        return pykube.KubeConfig(config.doc)

    return kube.slices(configure, "shop-space", ("shop-backend", "shop-management"), "http")


def status(code: int, message: str = "no") -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}


Slices = Followed[tuple[Endpoint, ...]]
Make = Callable[..., dict[str, Any]]


def test_a_list_asks_for_our_slices_live(
    api: FakeApi, slices: Slices, endpoint: Make, endpoint_slice: Make
) -> None:
    raw = endpoint_slice(endpoint("a", "10.0.0.1"))
    api.answer({"metadata": {"resourceVersion": "7"}, "items": [raw]})
    listing = slices.list()
    path, query, authorization = api.asked[0]
    assert path == "/apis/discovery.k8s.io/v1/namespaces/shop-space/endpointslices"
    assert query == {"labelSelector": ["kubernetes.io/service-name in (shop-backend,shop-management)"]}, (
        "no version: no cache answers"
    )
    assert authorization == "Bearer first"
    assert listing.resource_version == "7"
    assert [e.name for e in listing.records["slice"]] == ["a"]


def test_the_declaration_is_asked_for_by_its_name(api: FakeApi) -> None:
    config_map = {
        "metadata": {"name": "shop-nodes"},
        "data": {"nodes.json": '{"external": [{"name": "old", "host": "old.example", "port": 80}]}'},
    }
    api.answer({"metadata": {"resourceVersion": "7"}, "items": [config_map]})
    source = kube.declaration(lambda: pykube.KubeConfig.from_url(api.url), "shop-space", "shop-nodes")
    assert source.list().records == {"shop-nodes": Declared((External("old", "old.example", 80),))}
    path, query, _ = api.asked[0]
    assert path == "/api/v1/namespaces/shop-space/configmaps"
    assert query == {"fieldSelector": ["metadata.name=shop-nodes"]}, "the Role allows no other question"


def test_an_empty_list_may_come_without_items(api: FakeApi, slices: Slices) -> None:
    api.answer({"metadata": {"resourceVersion": "7"}, "items": None})
    assert slices.list().records == {}


def test_a_watch_goes_on_from_a_version_and_ends_by_itself(
    api: FakeApi, slices: Slices, endpoint: Make, endpoint_slice: Make
) -> None:
    raw = endpoint_slice(endpoint("a", "10.0.0.1"))
    bookmark = {"kind": "EndpointSlice", "metadata": {"resourceVersion": "9"}}
    api.answer(
        {"type": "ADDED", "object": raw},
        {"type": "BOOKMARK", "object": bookmark},
        {"type": "DELETED", "object": raw},
    )
    events = list(slices.watch("7"))
    assert api.asked[0][1] | {"labelSelector": []} == {
        "watch": ["true"],
        "resourceVersion": ["7"],
        "timeoutSeconds": ["30"],
        "allowWatchBookmarks": ["true"],
        "labelSelector": [],
    }
    assert [(event.name, event.record is None, event.resource_version) for event in events] == [
        ("slice", False, "5"),
        ("", True, "9"),
        ("slice", True, "5"),
    ]


def test_an_error_event_is_an_error(api: FakeApi, slices: Slices) -> None:
    api.answer({"type": "ERROR", "object": status(410, "too old resource version: 1 (900)")})
    with pytest.raises(ViewExpiredError, match="too old"):
        list(slices.watch("1"))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, AccessRefusedError),
        (403, AccessRefusedError),
        (410, ViewExpiredError),
        (429, ApiUnavailableError),
        (500, ApiUnavailableError),
        (503, ApiUnavailableError),
    ],
)
@pytest.mark.parametrize("how", ["list", "watch"])
def test_a_refusal_is_told_by_its_kind(
    api: FakeApi, slices: Slices, code: int, kind: type[Exception], how: str
) -> None:
    api.answer(status(code), status=code)
    with pytest.raises(kind):
        slices.list() if how == "list" else list(slices.watch("1"))


def test_half_an_event_is_no_event(api: FakeApi, slices: Slices) -> None:
    api.answer()
    api.lines = [b'{"type": "ADDED", "obj']
    with pytest.raises(ApiUnavailableError):
        list(slices.watch("1"))


def test_a_proxys_page_is_no_list(api: FakeApi, slices: Slices) -> None:
    api.answer()
    api.lines = [b"<html>sign in</html>"]
    with pytest.raises(ApiUnavailableError):
        slices.list()


def test_the_token_is_read_again_for_every_request(api: FakeApi, slices: Slices, tokens: list[str]) -> None:
    api.answer({"metadata": {"resourceVersion": "7"}, "items": []})
    slices.list()
    tokens.append("rotated")
    slices.list()
    assert [authorization for _, _, authorization in api.asked] == ["Bearer first", "Bearer rotated"]


def test_a_watch_that_says_nothing_is_given_up(
    api: FakeApi, slices: Slices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube, "WATCH_SECONDS", 0)
    monkeypatch.setattr(kube, "WATCH_GRACE_SECONDS", 0.1)
    api.answer()
    api.hold.clear()
    with pytest.raises(ApiUnavailableError):
        list(slices.watch("1"))


def test_an_api_server_that_is_not_there_is_told() -> None:
    slices = kube.slices(lambda: pykube.KubeConfig.from_url("http://127.0.0.1:1"), "n", ["s"], "http")
    with pytest.raises(ApiUnavailableError):
        slices.list()


def test_a_token_that_is_not_mounted_is_told() -> None:
    slices = kube.slices(lambda: pykube.KubeConfig.from_service_account("/nowhere"), "n", ["s"], "http")
    with pytest.raises(AccessRefusedError, match=r"our account cannot be read: .*/nowhere/token"):
        slices.list()
