"""Whatever is sent by HTTP/2: each request at the node is one that was sent, as it was sent, and once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pba_lab.h2_peer import Kind, Peer, frame, get
from pba_lab.patience import eventually_async
from pba_lab.secure import Secure
from pba_lab.smuggling import assert_nothing_was_smuggled, assert_the_log_is_one_object_a_line
from pba_lab.witness import Seen

pytestmark = pytest.mark.asyncio(loop_scope="module")

Field = tuple[bytes, bytes]
ODD = st.sampled_from(
    (b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x0b", b"\x7f", b"\xff", b":", b"A", b"#")
)
PRINTABLE = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30
).map(str.encode)
METHODS = st.sampled_from((b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"get", b"M-SEARCH"))
PLAIN = st.one_of(
    st.tuples(
        st.text("abcxyz019-_.!$%&'*+^`|~", max_size=9).map(lambda name: b"x-" + name.encode()), PRINTABLE
    ),
    st.sampled_from(
        (
            (b"cookie", b"a=b; c=d"),
            (b"cookie", b"e=f"),
            (b"te", b"trailers"),
            (b"x-forwarded-for", b"192.0.2.1"),
            (b"x_forwarded_for", b"192.0.2.1"),
            (b"x-request-id", b"mine"),
            (b"host", b"inside"),
            (b"http2-settings", b"AAMAAABkAAQAAP__"),
            (b"content-type", b"text/plain"),
        )
    ),
)
"""Headers that HAProxy takes."""
NAMES = st.sampled_from(
    (
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"upgrade",
        b"te",
        b"host",
        b"expect",
        b"sec-websocket-key",
        b":path",
        b":authority",
        b":protocol",
        b":status",
        b"x-a\r\nx-smuggled",
    )
)
VALUES = st.sampled_from(
    (
        b"",
        b"chunked",
        b"0",
        b"5",
        b"5, 5",
        b"100-continue",
        b"close, x-forwarded-for",
        b"websocket",
        b"h2c",
        b"/inside",
        b"inside",
        b"a\r\nx-smuggled: b",
        b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: inside\r\n\r\n",
    )
)
PSEUDO: dict[bytes, tuple[bytes, ...]] = {
    b":method": (b"CONNECT", b"TRACE", b"GET /smuggled", b"GET / HTTP/1.1\r\nx-a:"),
    b":scheme": (b"http", b"", b"https://inside/"),
    b":authority": (b"", b"a b", b"shop.example/inside", b"shop@inside", b"a,b", b"inside:99999"),
    b":path": (b"*", b"", b"a", b"//inside/", b"http://inside/", b"/\xff\xc3\xa4", b"/ HTTP/1.1\r\nx-a: b"),
}
BODIES = st.lists(
    st.one_of(st.binary(max_size=30), st.just(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")), max_size=3
)
IDENTIFIER = b"x-test-id"
numbers = itertools.count()


@dataclass
class Sent:
    """What is sent on one stream."""

    fields: list[Field]
    body: list[bytes]
    trailers: list[Field]
    identifier: str = "0"

    def frames(self, peer: Peer) -> Iterator[bytes]:
        """Yield it as it is on the wire, on a new stream."""
        whole = [*self.fields, (IDENTIFIER, self.identifier.encode())]
        yield peer.request(whole, ends=not (self.body or self.trailers))
        for position, data in enumerate(self.body, 1):
            yield frame(Kind.DATA, int(position == len(self.body) and not self.trailers), peer.last, data)
        if self.trailers:
            yield peer.request(self.trailers, stream=peer.last)


@st.composite
def spoilt(draw: st.DrawFn, fields: list[Field]) -> list[Field]:
    """Return the fields with one thing that is odd in them."""
    place = draw(st.integers(0, len(fields) - 1))
    name, value = fields[place]
    match draw(st.sampled_from(("byte", "pseudo", "more", "less", "order"))):
        case "byte":
            odd, cut = draw(ODD), draw(st.integers(0, len(value)))
            with_odd = (name, value[:cut] + odd + value[cut:]) if draw(st.booleans()) else (name + odd, value)
            return [*fields[:place], with_odd, *fields[place + 1 :]]
        case "pseudo":
            other = draw(st.sampled_from(sorted(PSEUDO)))
            hostile = draw(st.sampled_from(PSEUDO[other]))
            return [(key, hostile if key == other else old) for key, old in fields]
        case "more":
            return [*fields, (draw(NAMES), draw(VALUES))]
        case "less":
            return [*fields[: place % 4], *fields[place % 4 + 1 :]]
        case _:
            return draw(st.permutations(fields))


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    """Return a request that HAProxy takes, or one with something odd in it."""
    path = b"/" + draw(PRINTABLE)
    fields = get(path, *draw(st.lists(PLAIN, max_size=3)), method=draw(METHODS))
    body = draw(BODIES)
    if draw(st.booleans()):
        lie = draw(st.sampled_from((0, 0, 0, -1, 1)))
        fields.append((b"content-length", str(len(b"".join(body)) + lie).encode()))
    trailers = draw(st.lists(PLAIN, max_size=1))
    match draw(st.integers(0, 4)):
        case 0 | 1:
            fields = draw(spoilt(fields))
        case 2 if trailers:
            trailers = draw(spoilt(trailers))
    return Sent(fields, body, trailers)


def assert_it_was_sent(seen: Seen, sent: Sent) -> None:
    """A request at the node has nothing that its client did not send, but for what HAProxy says of itself."""
    said = {(name.lower(), value.strip(b" \t")) for name, value in sent.fields}
    methods = {value for name, value in said if name == b":method"}
    assert seen.method.encode() in methods | ({b"GET"} if b"CONNECT" in methods else set()), (seen, sent)
    paths = {value for name, value in said if name == b":path"}
    assert seen.target.encode() in paths | ({b"/"} if b"*" in paths else set()), (seen, sent)
    ours = {"connection", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"}
    ours |= {"transfer-encoding", "sec-websocket-key", "upgrade"}
    cookies = {part for name, value in said if name == b"cookie" for part in value.split(b"; ")}
    assert len(seen.all("host")) == 1, (seen, sent)
    for name, value in seen.headers:
        data = value.encode("latin-1")
        if name == "host":
            assert (b":authority", data) in said or (b"host", data) in said, (seen, sent)
        elif name == "cookie":
            assert set(data.split(b"; ")) <= cookies, (seen, sent)
        elif name == "content-length":
            assert int(value) == len(seen.body), (seen, sent)
        elif name not in {*ours, IDENTIFIER.decode()}:
            assert (name.encode(), data) in said, (seen, sent)
    assert seen.body == b"".join(sent.body), (seen, sent)
    trailers = {(name, value.strip(b" \t")) for name, value in sent.trailers}
    assert {(name.encode(), value.encode("latin-1")) for name, value in seen.trailers} <= trailers, (
        seen,
        sent,
    )


class Spoken:
    """Whatever was sent, by its identifier: what is under way when a connection breaks reaches the node later."""

    def __init__(self) -> None:
        self.sent: dict[str, Sent] = {}


@pytest.fixture(scope="module")
def spoken() -> Spoken:
    return Spoken()


def limited(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@limited(200)
@given(sent=st.lists(requests(), min_size=1, max_size=4))
async def test_whatever_is_asked_reaches_the_node_as_it_was_sent_and_once(
    secure: Secure, spoken: Spoken, sent: list[Sent]
) -> None:
    secure.witness.requests.clear()
    for one in sent:
        one.identifier = str(next(numbers))
        spoken.sent[one.identifier] = one
    streams = {}
    async with secure.client() as peer, secure.client() as neighbour:
        for one in sent:
            await peer.send(*one.frames(peer))
            streams[one.identifier] = peer.streams[peer.last]
        await peer.over()
        assert (await neighbour.ask(get(b"/neighbour"))).status == 200
        answered = {identifier for identifier, stream in streams.items() if stream.status == 200}
        await eventually_async(lambda: len(secure.witness.requests) > len(answered))
    assert_nothing_was_smuggled(secure.witness)
    assert_the_log_is_one_object_a_line(secure.haproxy)
    reached = []
    for seen in secure.witness.requests:
        if seen.target != "/neighbour":
            (identifier,) = seen.all(IDENTIFIER.decode())
            assert_it_was_sent(seen, spoken.sent.pop(identifier))
            reached.append(identifier)
    assert answered <= set(reached)
    if not peer.is_left:
        assert set(reached) & set(streams) == answered, "what reached the node was answered"


@limited(100)
@given(
    sent=st.lists(requests(), min_size=1, max_size=3),
    places=st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=3)), min_size=1, max_size=3),
)
async def test_whatever_bytes_are_sent_no_node_and_no_other_client_suffers(
    secure: Secure, sent: list[Sent], places: list[tuple[int, bytes]]
) -> None:
    secure.witness.requests.clear()
    async with secure.client() as peer, secure.client() as neighbour:
        frames = [data for one in sent for data in one.frames(peer)]
        data = bytearray(b"".join(frames))
        for place, odd in places:
            begin = place % len(data)
            data[begin : begin + max(1, len(odd))] = odd
        await peer.send(bytes(data))
        assert (await neighbour.ask(get(b"/neighbour"))).status == 200
        await eventually_async(lambda: secure.witness.requests)
    assert len(secure.witness.requests) <= len(frames) + 1
    assert_nothing_was_smuggled(secure.witness)
    assert_the_log_is_one_object_a_line(secure.haproxy)
