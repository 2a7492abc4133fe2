"""Who is let in, what is answered without a node, and in which form."""

from __future__ import annotations

import gzip

import pytest
from pba_lab.making import NewFrontend
from pba_lab.wire_client import asked, request, said
from pba_lab.witness import Witness

from pba_operator.domain.frontend.pages import PAGE_MAX_BYTES

PROXY, STRANGER = "127.0.0.2", "127.0.0.1"
HOSTILE = """<!DOCTYPE html><title>%[env(HOME)] "${HOME}" ' \\ # </title>"""


def largest(key: str) -> str:
    """Return a page of as many bytes as one may have, full of what means something to HAProxy."""
    head = f"{HOSTILE}{key}"
    return head + "ä" * ((PAGE_MAX_BYTES - len(head)) // 2)


@pytest.mark.parametrize(
    ("access", "denied"),
    [
        ({"denyCIDRs": ["127.0.0.1/32"]}, {"127.0.0.1"}),
        ({"allowCIDRs": ["127.0.0.3/32", "127.0.0.4/32"]}, {"127.0.0.1"}),
        ({"allowCIDRs": ["127.0.0.0/8"], "denyCIDRs": ["127.0.0.3/32"]}, {"127.0.0.3"}),
        ({"allowCIDRs": ["2001:db8::/32"]}, {"127.0.0.1", "127.0.0.3", "127.0.0.4"}),
        ({"allowCIDRs": ["::/0"]}, set()),
    ],
)
async def test_clients_are_let_in_by_their_address(
    new_frontend: NewFrontend, witness: Witness, access: dict[str, list[str]], denied: set[str]
) -> None:
    haproxy = await new_frontend(witness, access=access)
    answers = {
        source: (await asked(haproxy.port, request(), source=source)).status
        for source in ("127.0.0.1", "127.0.0.3", "127.0.0.4")
    }
    assert answers == {source: 403 if source in denied else 200 for source in answers}
    assert (await asked(haproxy.health_port, request("/ready"))).status == 200


async def test_the_address_is_the_one_that_a_trusted_proxy_tells_and_no_other(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(
        witness, trustedProxyCIDRs=[f"{PROXY}/32"], access={"denyCIDRs": ["203.0.113.0/24"]}
    )
    denied = request("/", "X-Forwarded-For: 198.51.100.1, 203.0.113.9")
    assert (await asked(haproxy.port, denied, source=PROXY)).status == 403
    assert (await asked(haproxy.port, denied, source=STRANGER)).status == 200
    spoofed = request("/", "X-Forwarded-For: 203.0.113.9, 198.51.100.1")
    assert (await asked(haproxy.port, spoofed, source=PROXY)).status == 200


async def test_in_maintenance_everybody_gets_the_page_and_no_node_a_request(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    haproxy = await new_frontend(witness, maintenance=True)
    for method in ("GET", "POST", "DELETE"):
        answer = await asked(haproxy.port, request("/any", "Content-Length: 0", method=method))
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")
        assert answer.headers["cache-control"] == "no-store"
        assert b"Down for maintenance" in answer.body
        assert len(answer.headers["x-request-id"]) == 36
    assert witness.requests == []
    assert "/any" not in haproxy.log.read_text()


async def test_a_frontend_that_starts_in_maintenance_is_ready_without_any_node(
    new_frontend: NewFrontend,
) -> None:
    haproxy = await new_frontend(maintenance=True)
    assert (await asked(haproxy.health_port, request("/ready"))).status == 200
    waiting = await new_frontend()
    assert (await asked(waiting.health_port, request("/ready"))).status == 503


async def test_the_users_pages_are_shown_byte_for_byte_up_to_the_largest(
    new_frontend: NewFrontend,
) -> None:
    pages = {key: largest(key) for key in ("503.html", "maintenance.html", "403.html")}
    assert {len(page.encode()) for page in pages.values()} <= {PAGE_MAX_BYTES - 1, PAGE_MAX_BYTES}
    haproxy = await new_frontend(pages=pages, access={"denyCIDRs": ["127.0.0.3/32"]})
    closed = await new_frontend(pages=pages, maintenance=True)
    told = {
        "503.html": await asked(haproxy.port, request()),
        "403.html": await asked(haproxy.port, request(), source="127.0.0.3"),
        "maintenance.html": await asked(closed.port, request()),
    }
    assert {key: answer.body.decode() for key, answer in told.items()} == pages
    assert {key: answer.status for key, answer in told.items()} == {
        "503.html": 503,
        "403.html": 403,
        "maintenance.html": 503,
    }
    assert {answer.headers["content-type"] for answer in told.values()} == {"text/html; charset=utf-8"}
    assert told["503.html"].headers["retry-after"] == "5"


async def test_what_is_too_big_or_comes_too_often_is_answered_with_the_users_pages(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    pages = {"413.html": "<p>too big", "429.html": "<p>too often"}
    limits = {"requestsPerClientPerSecond": 5}
    small = [{"prefix": "/small", "bodyMaxSize": "10"}]
    haproxy = await new_frontend(witness, pages=pages, limits=limits, paths=small)
    post = request("/small", "Content-Length: 11", method="POST") + b"x" * 11
    too_big = await asked(haproxy.port, post, source="127.0.0.2")
    assert (too_big.status, too_big.body.decode()) == (413, pages["413.html"])
    answers = [await asked(haproxy.port, request()) for _ in range(20)]
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.body.decode(), refused.headers["retry-after"]) == (pages["429.html"], "1")


TEXT = b"All work and no play makes Jack a dull boy. " * 100


@pytest.mark.parametrize(
    ("lines", "wanted", "compressed"),
    [
        (("Content-Type: text/html; charset=utf-8",), "gzip, br", True),
        (("Content-Type: application/json",), "gzip", True),
        (("Content-Type: text/html",), "", False),
        (("Content-Type: image/png",), "gzip", False),
        (("Content-Type: text/html", "Cache-Control: no-transform"), "gzip", False),
        (("Content-Type: text/html", "Content-Encoding: br"), "gzip", False),
    ],
)
async def test_text_is_compressed_for_clients_that_can_read_it(
    new_frontend: NewFrontend, witness: Witness, lines: tuple[str, ...], wanted: str, *, compressed: bool
) -> None:
    witness.body, witness.lines = TEXT, lines
    haproxy = await new_frontend(witness, compression=True)
    headers = [f"Accept-Encoding: {wanted}"] if wanted else []
    whole = await said(haproxy.port, request("/", *headers))
    head, _, body = whole.partition(b"\r\n\r\n")
    told = {line.split(b": ")[0].lower(): line.split(b": ")[1] for line in head.split(b"\r\n")[1:]}
    assert (told.get(b"content-encoding") == b"gzip") is compressed, told
    if compressed:
        assert told[b"vary"].lower() == b"accept-encoding"
        body = gzip.decompress(_dechunked(body))
    assert body == TEXT


def _dechunked(body: bytes) -> bytes:
    """Return what is in the chunks of a body."""
    size, _, rest = body.partition(b"\r\n")
    length = int(size, 16)
    return rest[:length] + (_dechunked(rest[length + 2 :]) if length else b"")


async def test_nothing_is_compressed_unless_it_is_asked_for(
    new_frontend: NewFrontend, witness: Witness
) -> None:
    witness.body, witness.lines = TEXT, ("Content-Type: text/html",)
    haproxy = await new_frontend(witness)
    answer = await asked(haproxy.port, request("/", "Accept-Encoding: gzip"))
    assert (answer.headers.get("content-encoding"), answer.body) == (None, TEXT)
