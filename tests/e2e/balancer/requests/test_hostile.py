"""What no browser sends: no request reaches a node but as HAProxy has read it, and no line breaks the log."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pba_lab import HAProxyProcess
from pba_lab.making import NewFrontend
from pba_lab.patience import eventually_async
from pba_lab.smuggling import assert_nothing_was_smuggled, assert_the_log_is_one_object_a_line
from pba_lab.wire_client import request, responses, said
from pba_lab.witness import Witness

HOST = b"Host: shop.example\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: inside\r\n\r\n"
CHUNKED = b"5\r\nhello\r\n0\r\n\r\n"


def post(*lines: bytes, body: bytes = CHUNKED, target: bytes = b"/") -> bytes:
    """Return a POST with these header lines, as they are."""
    return (
        b"POST "
        + target
        + b" HTTP/1.1\r\n"
        + HOST
        + b"".join(line + b"\r\n" for line in lines)
        + b"\r\n"
        + body
    )


def get(target: bytes = b"/", *lines: bytes, end: bytes = b"\r\n\r\n") -> bytes:
    """Return a GET with these header lines, as they are."""
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n".join((*lines, b"Connection: close")) + end


LENGTH = b"Content-Length: %d" % len(CHUNKED + SMUGGLED)
CASES = {
    "a length beside chunks: the chunks count": (
        post(LENGTH, b"Transfer-Encoding: chunked", body=CHUNKED),
        [200],
    ),
    "a length beside chunks, and a request behind": (
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKED + SMUGGLED),
        [200],
    ),
    "two lengths": (post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), [400]),
    "a list of lengths": (post(b"Content-Length: 5, 6", body=b"hello!"), [400]),
    "a negative length": (post(b"Content-Length: -5", body=b""), [400]),
    "a length with a sign": (post(b"Content-Length: +5", body=b"hello"), [400]),
    "a length in hexadecimal": (post(b"Content-Length: 0x5", body=b"hello"), [400]),
    "a length beyond 64 bits": (post(b"Content-Length: 18446744073709551621", body=b"hello"), [400]),
    "a space before the colon": (post(b"Transfer-Encoding : chunked", LENGTH), [400]),
    "another coding": (post(b"Transfer-Encoding: xchunked", LENGTH, body=CHUNKED + SMUGGLED), [400]),
    "identity": (post(b"Transfer-Encoding: identity", LENGTH, body=CHUNKED + SMUGGLED), [400]),
    "chunks within chunks": (post(b"Transfer-Encoding: chunked, chunked"), [400]),
    "chunks, then something else": (post(b"Transfer-Encoding: chunked, identity"), [400]),
    "the coding twice": (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), [400]),
    "a vertical tab in the coding": (post(b"Transfer-Encoding: \x0bchunked", LENGTH), [400]),
    "the coding folded, which HAProxy unfolds": (
        post(b"Transfer-Encoding:\r\n chunked", LENGTH, b"Connection: close"),
        [200],
    ),
    "a folded line, which HAProxy unfolds": (get(b"/", b"X-A: b\r\n c"), [200]),
    "a header without a name": (get(b"/", b": b"), [400]),
    "a header without a colon": (get(b"/", b"X-A"), [400]),
    "NUL in a value": (get(b"/", b"X-A: b\0c"), [400]),
    "CR in a value": (get(b"/", b"X-A: b\rX-B: c"), [400]),
    "NUL in the target": (get(b"/a\0b"), [400]),
    "a space in the target": (get(b"/a b"), [400]),
    "bytes beyond ASCII in the target": (get(b"/\xff\xc3\xa4"), [400]),
    "a fragment in the target": (get(b"/a#b"), [400]),
    "no target": (b"GET  HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "a target that is no path": (get(b"a"), [400]),
    "another version, passed on as 1.1": (
        b"GET / HTTP/3.7\r\n" + HOST + b"Connection: close\r\n\r\n",
        [200],
    ),
    "no version, as in 1991": (b"GET /\r\n", [400]),
    "TLS": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 64, [400]),
    "the chunk's size is none": (post(b"Transfer-Encoding: chunked", body=b"x\r\nhello\r\n0\r\n\r\n"), [400]),
    "the chunk is longer than its size": (
        post(b"Transfer-Encoding: chunked", body=b"1\r\nhello\r\n0\r\n\r\n"),
        [400],
    ),
    "the chunk's size is beyond 64 bits": (
        post(b"Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        [400],
    ),
    "an extension of a chunk": (
        post(b"Transfer-Encoding: chunked", b"Connection: close", body=b"5;a=b\r\nhello\r\n0\r\n\r\n"),
        [200],
    ),
    "a line feed in an extension": (
        post(b"Transfer-Encoding: chunked", body=b"5;\nhello\r\n0\r\n\r\n" + SMUGGLED),
        [400],
    ),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: shop.example\r\nHost: evil\r\n\r\n", [400]),
    "no host": (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", [400]),
    "a host with a path": (b"GET / HTTP/1.1\r\nHost: shop.example/evil\r\nConnection: close\r\n\r\n", [400]),
    "a host with a user": (b"GET / HTTP/1.1\r\nHost: shop@evil\r\nConnection: close\r\n\r\n", [400]),
    "an empty host": (b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", [400]),
    "no host in HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", None),
    "a host that is none": (b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", [400]),
    "an absolute target of another host": (get(b"http://evil.example/"), [400]),
    "CONNECT": (b"CONNECT inside:22 HTTP/1.1\r\nHost: inside:22\r\nConnection: close\r\n\r\n", [405]),
    "TRACE": (b"TRACE / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", [405]),
    "a line of 20,000 bytes": (get(b"/", b"X-A: " + b"a" * 20_000), [400]),
    "a target of 20,000 bytes": (get(b"/" + b"a" * 20_000), [400]),
    "two hundred headers": (get(b"/", *(b"X-%d: a" % number for number in range(200))), [400]),
    "line feeds alone end lines": (
        b"GET / HTTP/1.1\n" + HOST.replace(b"\r", b"") + b"Connection: close\n\n",
        None,
    ),
    "a body with GET": (get(b"/", b"Content-Length: %d" % len(SMUGGLED), end=b"\r\n\r\n" + SMUGGLED), [200]),
}
"""By name: what is sent, and the statuses that are answered; None: any, as long as nothing is smuggled."""


@pytest.mark.parametrize("name", CASES)
async def test_a_request_that_can_be_read_in_two_ways_is_refused_or_read_as_the_node_reads_it(
    new_frontend: NewFrontend, witness: Witness, name: str
) -> None:
    haproxy = await new_frontend(witness)
    data, wanted = CASES[name]
    answers = responses(await said(haproxy.port, data, ends=True))
    if wanted is not None:
        assert [answer.status for answer in answers] == wanted
    good = sum(answer.status == 200 for answer in answers)
    await eventually_async(lambda: len(witness.requests) >= good)
    assert_nothing_was_smuggled(witness)
    assert len(witness.requests) == good
    assert_the_log_is_one_object_a_line(haproxy)


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(str.encode)
METHODS = st.sampled_from(
    (b"GET", b"POST", b"HEAD", b"OPTIONS", b"get", b"PUT", b"M-SEARCH", b"CONNECT", b"TRACE")
)
TARGETS = st.one_of(
    st.sampled_from(
        (b"/", b"*", b"//a//../b", b'/a?b=c"d}', b"http://shop.example/", b"/%00%0d%0a", b'/\\"{}')
    ),
    PRINTABLE.map(b"/".__add__),
)
VERSIONS = st.sampled_from((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"))
NAMES = st.one_of(
    st.sampled_from(
        (
            b"Content-Length",
            b"Transfer-Encoding",
            b"Transfer_Encoding",
            b"Connection",
            b"X-Forwarded-For",
            b"X_Forwarded-For",
            b"X-Request-Id",
            b"Upgrade",
            b"Expect",
            b"Sec-WebSocket-Key",
            b"HTTP2-Settings",
        )
    ),
    st.text("abcXYZ019-_.!#$%&'*+^`|~", min_size=1, max_size=12).map(str.encode),
)
VALUES = st.one_of(
    st.sampled_from(
        (
            b"chunked",
            b"5",
            b"0",
            b"close",
            b"keep-alive, x-forwarded-for",
            b"upgrade",
            b"websocket",
            b"h2c",
            b"127.0.0.1",
        )
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30).map(
        lambda text: text.encode("latin-1")
    ),
)
LINES = st.builds(lambda name, value: name + b": " + value, NAMES, VALUES)
BODIES = st.one_of(st.sampled_from((b"", CHUNKED, SMUGGLED, b"hello")), st.binary(max_size=30))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return one or two requests that HAProxy may well take."""
    data = b""
    for _ in range(draw(st.integers(1, 2))):
        first = b" ".join((draw(METHODS), draw(TARGETS), draw(VERSIONS)))
        data += b"\r\n".join((first, HOST.strip(), *draw(st.lists(LINES, max_size=4)), b"", draw(BODIES)))
    return data


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Return requests in which a few bytes are not what they were."""
    data = bytearray(draw(requests()))
    odd = st.sampled_from((b"\0", b"\r", b"\n", b" ", b"\t", b"\x0b", b"\xff", b":", b"", b"\r\n", b"\r\n "))
    for place in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=3)):
        data[place : place + 1] = draw(odd)
    return bytes(data)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.one_of(requests(), spoilt(), st.binary(max_size=200)))
async def test_whatever_is_sent_nothing_is_smuggled_and_the_log_stays_whole(
    hardened: HAProxyProcess, witness: Witness, data: bytes
) -> None:
    witness.requests.clear()
    witness.ambiguous.clear()
    pid = hardened.info()["Pid"]
    answer = await said(hardened.port, data, ends=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    answered = answer.count(b"HTTP/1.1 200 ")
    assert hardened.info()["Pid"] == pid
    assert len(responses(await said(hardened.port, request()))) == 1
    # The node notes a request when HAProxy has left it: its client may be faster.
    await eventually_async(lambda: len(witness.requests) > answered)
    assert_nothing_was_smuggled(witness)
    assert_the_log_is_one_object_a_line(hardened)


@pytest.fixture
async def hardened(new_frontend: NewFrontend, witness: Witness) -> HAProxyProcess:
    return await new_frontend(witness)
