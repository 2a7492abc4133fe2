"""What happens in a namespace, seen as it happens: one watch for each kind, in a thread of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from pba_simulation.real import Namespace

from pba_hack.apiserver import ApiServer, trusting
from pba_operator.domain.model import ChildId
from pba_operator.kube.kinds import Kind

Object = dict[str, Any]
Look = Callable[[ChildId], Object]
"""Returns the last state of an object, empty if there is none."""
Listener = Callable[[str, Object], None]
"""Is told of each event (`ADDED`, `MODIFIED`, `DELETED`) with its object, in the thread that has seen it."""


class Eyes:
    """The last state of every object of some kinds, and whoever waits for another one."""

    def __init__(self) -> None:
        self._seen: dict[ChildId, Object] = {}
        self._changed = threading.Condition()

    def take(self, what: str, live: Object) -> None:
        """Take in an event."""
        child = ChildId.of(live)
        with self._changed:
            if what == "DELETED":
                self._seen.pop(child, None)
            else:
                self._seen[child] = live
            self._changed.notify_all()

    def until(self, child: ChildId, holds: Callable[[Object], bool], seconds: float) -> Object:
        """Wait until an object is as wanted; return its last state, as wanted or not, empty if there is none."""
        self.wait(lambda look: holds(look(child)), seconds)
        return self.look(child)

    def wait(self, holds: Callable[[Look], bool], seconds: float) -> bool:
        """Wait until all is as wanted; tell whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: holds(self.look), seconds)

    def look(self, child: ChildId) -> Object:
        """Return the last state of an object, empty if there is none."""
        return self._seen.get(child, {})


@contextlib.contextmanager
def watching(place: Namespace, *kinds: Kind, listener: Listener) -> Iterator[None]:
    """Have a listener told of all that is there (as `ADDED`) and of all that happens, until the block ends."""
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(_stream(place, kind, listener))
        yield


@contextlib.contextmanager
def _stream(place: Namespace, kind: Kind, listener: Listener) -> Iterator[None]:
    listing = place.server.request("GET", kind.path(place.name)).body
    for live in listing["items"]:
        listener("ADDED", {"kind": kind.name, **live})
    connection = _connect(place.server)
    version = listing["metadata"]["resourceVersion"]
    target = f"{kind.path(place.name)}?watch=true&resourceVersion={version}"
    connection.request("GET", target, headers={"Authorization": f"Bearer {place.server.token}"})
    response = connection.getresponse()
    ended = threading.Event()
    reader = threading.Thread(target=_read, args=(response, listener, ended), name=f"watch of {kind.plural}")
    reader.start()
    try:
        yield
        assert reader.is_alive(), f"the watch of {kind.plural} has ended by itself"
    finally:
        ended.set()
        assert connection.sock is not None
        connection.sock.shutdown(socket.SHUT_RDWR)
        reader.join()
        connection.close()


def _read(response: http.client.HTTPResponse, listener: Listener, ended: threading.Event) -> None:
    try:
        for line in response:
            event = json.loads(line)
            listener(event["type"], event["object"])
    except (OSError, http.client.HTTPException, ValueError):
        if not ended.is_set():
            raise


def _connect(server: ApiServer) -> http.client.HTTPSConnection:
    host, _, port = server.url.rpartition("/")[2].partition(":")
    return http.client.HTTPSConnection(host, int(port), context=trusting(server.ca_file))
