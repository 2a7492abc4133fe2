"""Requests of HTTP/2 that no browser sends: none reaches a node but as HAProxy has read it, strictly."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pba_lab.h2_peer import PREFACE, SHOP, Kind, Peer, Stream, frame, get, opened
from pba_lab.patience import eventually_async
from pba_lab.secure import Secure
from pba_lab.smuggling import assert_nothing_was_smuggled, assert_the_log_is_one_object_a_line
from pba_lab.wire_client import said

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST = SHOP.encode()
SMUGGLED = b" HTTP/1.1\r\nHost: inside\r\n\r\nGET /smuggled"
Field = tuple[bytes, bytes]


def spoilt(**pseudo: bytes | None) -> list[Field]:
    """Return a GET with other pseudo headers; those that are None are left out."""
    given = {f":{name}".encode(): value for name, value in pseudo.items()}
    fields = [(name, given.get(name, value)) for name, value in get()]
    return [(name, value) for name, value in fields if value is not None]


def extended(protocol: bytes) -> list[Field]:
    """Return a CONNECT for this protocol (RFC 8441)."""
    return [*spoilt(method=b"CONNECT"), (b":protocol", protocol), (b"sec-websocket-version", b"13")]


REFUSED: dict[str, list[Field]] = {
    "a method twice": [get()[0], *get()],
    "a path twice": [*get(), (b":path", b"/b")],
    "an authority twice": [*get(), (b":authority", b"inside")],
    "a pseudo header behind others": [(b"x-a", b"b"), *get()],
    "a pseudo header that there is not": [*get(), (b":inside", b"b")],
    "a pseudo header of responses": [*get(), (b":status", b"200")],
    "no method": spoilt(method=None),
    "an empty method": spoilt(method=b""),
    "a request in the method": spoilt(method=b"GET /" + SMUGGLED + b" HTTP/1.1\r\nx-a: b"),
    "a target in the method": spoilt(method=b"GET /admin"),
    "CR in the method": spoilt(method=b"GE\rT"),
    "a colon in the method": spoilt(method=b"GE:T"),
    "no scheme": spoilt(scheme=None),
    "an empty scheme": spoilt(scheme=b""),
    "an authority in the scheme": spoilt(scheme=b"https://inside/"),
    "a line in the scheme": spoilt(scheme=b"https\r\nx-a: b"),
    "no path": spoilt(path=None),
    "an empty path": spoilt(path=b""),
    "a path without a slash": spoilt(path=b"a"),
    "an absolute path": spoilt(path=b"http://inside/"),
    "a request in the path": spoilt(path=b"/" + SMUGGLED),
    "a space in the path": spoilt(path=b"/a b"),
    "a tab in the path": spoilt(path=b"/a\tb"),
    "CR in the path": spoilt(path=b"/a\rb"),
    "LF in the path": spoilt(path=b"/a\nb"),
    "NUL in the path": spoilt(path=b"/a\0b"),
    "DEL in the path": spoilt(path=b"/a\x7fb"),
    "a fragment in the path": spoilt(path=b"/a#b"),
    "bytes beyond ASCII in the path": spoilt(path=b"/\xff\xc3\xa4"),
    "neither authority nor host": spoilt(authority=None),
    "an empty authority": spoilt(authority=b""),
    "an authority with a user": spoilt(authority=b"shop@inside"),
    "an authority with a path": spoilt(authority=HOST + b"/inside"),
    "an authority with a space": spoilt(authority=b"a b"),
    "an authority with a comma": spoilt(authority=b"a,b"),
    "a line in the authority": spoilt(authority=HOST + b"\r\nx-a: b"),
    "a name in upper case": [*get(), (b"X-A", b"b")],
    "a name with a colon": [*get(), (b"x-a:b", b"c")],
    "a name with a space": [*get(), (b"x a", b"b")],
    "a name with a line": [*get(), (b"x-a: b\r\nx-b", b"c")],
    "a name with NUL": [*get(), (b"x\0a", b"b")],
    "a name beyond ASCII": [*get(), (b"x\xff", b"b")],
    "an empty name": [*get(), (b"", b"b")],
    "a value with a line": [*get(), (b"x-a", b"b\r\nx-b: c")],
    "a value with a request": [*get(), (b"x-a", b"b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: inside\r\n\r\n")],
    "a value with CR": [*get(), (b"x-a", b"b\rc")],
    "a value with LF": [*get(), (b"x-a", b"b\nc")],
    "a value with NUL": [*get(), (b"x-a", b"b\0c")],
    "a cookie with a line": [*get(), (b"cookie", b"a=b\r\nx-b: c")],
    "a coding": [*get(), (b"transfer-encoding", b"chunked")],
    "what belongs to one connection": [*get(), (b"connection", b"x-forwarded-for, x-request-id")],
    "keep-alive": [*get(), (b"keep-alive", b"5")],
    "proxy-connection": [*get(), (b"proxy-connection", b"close")],
    "another protocol": [*get(), (b"upgrade", b"h2c")],
    "te": [*get(), (b"te", b"gzip")],
    "a length without a body": [*get(), (b"content-length", b"5")],
    "a negative length": [*get(), (b"content-length", b"-1")],
    "a length with a sign": [*get(), (b"content-length", b"+0")],
    "a length beyond 64 bits": [*get(), (b"content-length", b"18446744073709551616")],
    "two lengths": [*get(), (b"content-length", b"0"), (b"content-length", b"5")],
    "a list of lengths": [*get(), (b"content-length", b"0, 5")],
    "CONNECT": [(b":method", b"CONNECT"), (b":authority", b"inside:22")],
    "CONNECT with a path": spoilt(method=b"CONNECT"),
    "CONNECT for HTTP/2 without TLS": extended(b"h2c"),
    "CONNECT for a protocol with a line": extended(b"websocket\r\nx-a: b"),
    "TRACE": spoilt(method=b"TRACE"),
    "a head beyond a buffer": [*get(), (b"x-a", b"a" * 16_000)],
    "two hundred headers": [*get(), *((b"x-%d" % number, b"a") for number in range(200))],
}
"""What is refused: by a status, or an error of the stream or the connection."""


def refused(peer: Peer, stream: Stream) -> bool:
    """Tell whether a stream has got no other answer than a refusal."""
    if stream.status is None:
        return peer.is_left or stream.reset not in {None, 0}
    return stream.status in {400, 405}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_request_that_is_malformed_reaches_no_node(secure: Secure, name: str) -> None:
    async with secure.client() as peer, secure.client() as neighbour:
        stream = await peer.ask(REFUSED[name])
        assert refused(peer, stream), stream
        assert (await neighbour.ask(get(b"/neighbour"))).status == 200
        await eventually_async(lambda: secure.witness.requests)
    assert [seen.target for seen in secure.witness.requests] == ["/neighbour"]
    assert_nothing_was_smuggled(secure.witness)
    assert_the_log_is_one_object_a_line(secure.haproxy)


@dataclass(frozen=True)
class Read:
    """How a request is read: the target, and headers beside those that HAProxy tells of itself."""

    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    host: str = SHOP
    method: str = "GET"


ACCEPTED: dict[str, tuple[list[Field], Read]] = {
    "any other request": (get(b"/a?b=%0d%0a"), Read("/a?b=%0d%0a")),
    "a host beside the authority: the authority counts": ([*get(), (b"host", b"inside")], Read()),
    "hosts beside the authority": ([*get(), (b"host", HOST), (b"host", b"inside")], Read()),
    "hosts without an authority: the first one counts": (
        [*spoilt(authority=None), (b"host", HOST), (b"host", b"inside")],
        Read(),
    ),
    "a host alone": ([*spoilt(authority=None), (b"host", HOST)], Read()),
    "a path of two slashes": (get(b"//inside/a"), Read("//inside/a")),
    "a path that is none but with OPTIONS": (spoilt(path=b"*"), Read()),
    "another scheme: the node hears of TLS all the same": (spoilt(scheme=b"http"), Read()),
    "a method in lower case": (spoilt(method=b"get"), Read(method="get")),
    "a protocol of a GET is nobody's": ([*get(), (b":protocol", b"websocket")], Read()),
    "a protocol that is not WebSocket is a GET": (
        extended(b"connect-udp"),
        Read(headers=(("sec-websocket-version", "13"),)),
    ),
    "one length, repeated": (
        [*get(), (b"content-length", b"0"), (b"content-length", b"0, 0")],
        Read(headers=(("content-length", "0"),)),
    ),
    "cookies apart are one": (
        [*get(), (b"cookie", b"a=1"), (b"x-a", b"b"), (b"cookie", b"b=2"), (b"cookie", b"c=3; d")],
        Read(headers=(("cookie", "a=1; b=2; c=3; d"), ("x-a", "b"))),
    ),
    "what proxies say": (
        [
            *get(),
            (b"x-forwarded-for", b"192.0.2.1"),
            (b"x_forwarded_for", b"192.0.2.1"),
            (b"x-forwarded-for", b"192.0.2.2"),
            (b"forwarded", b"for=192.0.2.1"),
            (b"x-forwarded-proto", b"http"),
            (b"x-forwarded-host", b"inside"),
            (b"x-request-id", b"mine"),
            (b"x-request-id", b"mine, too"),
            (b"x-ssl-client-subject", b"CN=admin"),
        ],
        Read(),
    ),
}
"""What is passed on, and how."""
OURS = {"host", "connection", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"}


@pytest.mark.parametrize("name", ACCEPTED)
async def test_what_is_passed_on_is_what_was_read(secure: Secure, name: str) -> None:
    fields, read = ACCEPTED[name]
    async with secure.client() as peer:
        assert (await peer.ask(fields)).status == 200
        await eventually_async(lambda: secure.witness.requests)
    (seen,) = secure.witness.requests
    assert (seen.method, seen.target, seen.body) == (read.method, read.target, b"")
    assert seen.all("host") == [read.host]
    assert seen.all("x-forwarded-proto") == ["https"]
    assert sorted(pair for pair in seen.headers if pair[0] not in OURS) == sorted(read.headers)
    assert_nothing_was_smuggled(secure.witness)


@dataclass(frozen=True)
class Upload:
    """A request with a body: lengths that are said, the body's frames, trailers; `passes`: it reaches the node."""

    lengths: tuple[bytes, ...] = ()
    frames: tuple[bytes, ...] = (b"hello",)
    trailers: tuple[Field, ...] = ()
    passes: bool = False

    def data(self, peer: Peer) -> bytes:
        """Return it as it is on the wire, on stream 1."""
        head = get(b"/", *((b"content-length", length) for length in self.lengths), method=b"POST")
        *first, last = self.frames
        ends = not self.trailers
        return b"".join(
            (
                peer.request(head, ends=False),
                *(frame(Kind.DATA, 0, 1, data) for data in first),
                frame(Kind.DATA, int(ends), 1, last),
                b"" if ends else peer.request(self.trailers, stream=1),
            )
        )


UPLOADS = {
    "no length": Upload(passes=True),
    "a length": Upload((b"5",), passes=True),
    "a length, and many frames": Upload((b"5",), (b"he", b"", b"llo", b""), passes=True),
    "a length that is too short": Upload((b"3",)),
    "none, and a request behind": Upload((b"0",), (b"GET /smuggled HTTP/1.1\r\nHost: inside\r\n\r\n",)),
    "a length that is too long": Upload((b"9",)),
    "a length that is too long, and trailers": Upload((b"9",), trailers=((b"x-a", b"b"),)),
    "two lengths": Upload((b"5", b"6")),
    "chunks in the body are its bytes": Upload(
        frames=(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",), passes=True
    ),
    "a trailer": Upload(trailers=((b"x-a", b"b"),), passes=True),
    "a trailer behind a length": Upload((b"5",), trailers=((b"x-a", b"b"),), passes=True),
    "a coding in a trailer": Upload(trailers=((b"transfer-encoding", b"chunked"),)),
    "a length in a trailer": Upload(trailers=((b"content-length", b"5"),)),
    "a host in a trailer": Upload(trailers=((b"host", b"inside"),)),
    "a path in a trailer": Upload(trailers=((b":path", b"/inside"),)),
    "a connection in a trailer": Upload(trailers=((b"connection", b"close"),)),
    "a name in upper case in a trailer": Upload(trailers=((b"X-A", b"b"),)),
    "a line in a trailer": Upload(trailers=((b"x-a", b"b\r\n\r\nGET /smuggled HTTP/1.1"),)),
}


@pytest.mark.parametrize("name", UPLOADS)
async def test_a_body_is_as_long_as_was_said_and_ends_with_its_stream(secure: Secure, name: str) -> None:
    upload = UPLOADS[name]
    async with secure.client() as peer:
        await peer.send(upload.data(peer))
        stream = peer.streams[peer.last]
        await peer.until(lambda: stream.is_over)
        if upload.passes:
            assert stream.status == 200
            await eventually_async(lambda: secure.witness.requests)
        else:
            assert refused(peer, stream), stream
    assert [seen.body for seen in secure.witness.requests] == [b"".join(upload.frames)] * upload.passes
    for seen in secure.witness.requests:
        assert list(seen.trailers) in ([], [("x-a", "b")])
    assert_nothing_was_smuggled(secure.witness)


async def test_without_tls_http_2_that_is_known_before_is_under_the_same_rules(secure: Secure) -> None:
    answer = await said(secure.haproxy.port, PREFACE, frame(Kind.SETTINGS), ends=True)
    assert answer[3] == Kind.SETTINGS
    async with opened(secure.haproxy.port) as peer:
        spoofed = await peer.ask(
            [*get(), (b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"192.0.2.1")]
        )
        assert spoofed.status == 200
        assert refused(peer, await peer.ask(spoilt(authority=None)))
        await eventually_async(lambda: secure.witness.requests)
    (seen,) = secure.witness.requests
    assert seen.all("x-forwarded-proto") == ["http"]
    assert_nothing_was_smuggled(secure.witness)


async def test_nobody_gets_from_http_1_to_http_2_past_the_rules(secure: Secure) -> None:
    asked = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    answer = await said(
        secure.haproxy.port, f"GET / HTTP/1.1\r\nHost: {SHOP}\r\n{asked}\r\n".encode(), ends=True
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    await eventually_async(lambda: secure.witness.requests)
    (seen,) = secure.witness.requests
    assert seen.all("upgrade") == []
    assert seen.all("connection") == ["close"]
    assert_nothing_was_smuggled(secure.witness)
