"""The end of a server of asyncio's that clients still come to."""

from __future__ import annotations

import asyncio


def stop_listening(server: asyncio.Server) -> None:
    """Accept nothing more; what is accepted already gets to be served before the listener is closed, a turn later.

    asyncio (3.11.7, `Server._attach`) fails on a connection that it has accepted if the server is closed meanwhile,
    and leaves it open: who is at its other end waits until the garbage collector has come.
    """
    loop = server.get_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    loop.call_soon(server.close)
