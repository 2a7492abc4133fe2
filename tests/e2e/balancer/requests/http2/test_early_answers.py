"""A request that is refused before its body has come ends alone: the others on its connection go on."""

from __future__ import annotations

from pba_lab.h2_peer import Kind, frame, get
from pba_lab.secure import served


async def test_after_a_long_body_that_is_refused_the_connection_goes_on() -> None:
    upload = get(b"/small", (b"content-length", b"2000000"), method=b"POST")
    async with (
        served(paths=[{"prefix": "/small", "bodyMaxSize": "1Ki"}]) as secure,
        secure.client() as peer,
    ):
        for _ in range(3):
            begun = peer.request(upload, ends=False)
            await peer.send(begun, frame(Kind.DATA, 0, peer.last, b"x" * 16_000))
            await peer.until(lambda: peer.streams[peer.last].status is not None)
            refused = peer.streams[peer.last]
            assert (refused.status, "connection" in refused.headers) == (413, False)
            assert (await peer.ask(get())).status == 200
        assert peer.goaway is None
