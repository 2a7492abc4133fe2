"""What the watch streams are doing, as their requests tell it, and where they begin.

kopf runs the streams and shows its handlers the objects only: not that a listing has ended, not that a stream
was broken off, not the bookmarks. But its requests pass through our session, and a request tells: a listing
is asked for (at the start, and when history was lost), a watch begins. And the answer to a watch tells how many
bytes have come, bookmarks included. That costs no request.

kopf begins each stream with a listing of its own. All that it would read was listed by us a moment before, so its
first listing of a kind is changed on its way: it asks for an object that cannot be, in the state of the cluster that
our listing has shown. The API server answers an empty list of that state, and kopf's watch goes on from there.

What must stay true: no event falls between our listing and kopf's watch (both are of the same state, or kopf lists
everything); a kind whose deletions may have been missed is named to `on_gap`; a stream of which nothing comes is told
by the time since the last sign of life (`silent`). A stream that lives gives one at least every `SILENCE_SECONDS`: the
API server sends a bookmark, or kopf breaks the watch off and begins the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import aiohttp
from yarl import URL

from pba_operator.kube.clock import Clock
from pba_operator.kube.kinds import WATCHED, Kind

STREAM_SECONDS: Final = 290
"""After so long the API server ends a watch (as we ask it to), and kopf begins the next."""
SILENCE_SECONDS: Final = 100.0
"""After so long without a byte kopf takes a watch for dead, breaks it off and begins the next: the API server sends
a bookmark about once a minute, but promises none."""
EARLY: Final = STREAM_SECONDS - 10.0
"""A watch that ends before this age was broken off."""
NOBODY: Final = "metadata.namespace=default,metadata.name=-"
"""A field selector that selects nothing: a name begins with a letter or a digit. With both fields it asks for one
object, which costs the API server one look; with the name alone it would go through all objects of the kind.
Source: `ListPredicate` in k8s.io/apiserver/pkg/registry/generic/registry/store.go."""


class Stream(NamedTuple):
    """The watch of one kind in one namespace (empty: in all)."""

    kind: str
    namespace: str


@dataclass
class _Watch:
    """The answer to a watch, as far as it has come."""

    content: aiohttp.StreamReader
    heard: int

    def has_spoken(self) -> bool:
        """Tell whether anything has come since this was asked last."""
        before, self.heard = self.heard, self.content.total_bytes
        return self.heard > before


class Streams:
    """Follows the streams of the watched kinds."""

    def __init__(self, namespaces: Iterable[str], clock: Clock, on_gap: Callable[[Stream], None]) -> None:
        """Begin to follow.

        Args:
            namespaces: that are watched; empty: all.
            clock: the time.
            on_gap: called with a stream whose events may have been missed: it was listed anew, or ended early.
        """
        self._clock = clock
        self._on_gap = on_gap
        self._by_path = {
            kind.path(namespace): Stream(kind.name, namespace)
            for kind in WATCHED
            for namespace in (tuple(namespaces) or ("",))
        }
        now = clock.now()
        self._alive = dict.fromkeys(self._by_path.values(), now)
        self._began: dict[Stream, float] = {}
        self._open: dict[Stream, _Watch] = {}
        self._listed: dict[Stream, str] = {}
        """Which state of the cluster our own listing has shown, until kopf's first one."""

    def listed(self, stream: Stream, resource_version: str) -> None:
        """Take note of a whole listing of ours: kopf's next one is spared, and its watch begins there."""
        self._listed[stream] = resource_version

    async def follow(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pass a request of kopf's on, and take note of it: a middleware of its session.

        A listing of what `listed` has told of is changed on its way, once, so that nothing is read twice.
        """
        stream = self._by_path.get(request.url.path)
        version = "" if stream is None or "watch" in request.url.query else self._listed.pop(stream, "")
        if stream is not None and version:
            resumed = await _list_nothing(request, handler, version)
            if resumed is not None:
                self._alive[stream] = self._clock.now()
                return resumed
        response = await handler(request)
        if response.ok:
            self.answered(request.url, response.content)
        return response

    def answered(self, url: URL, content: aiohttp.StreamReader) -> None:
        """Take note of a request of kopf's whose answer begins to come; `content` is the rest of it."""
        stream = self._by_path.get(url.path)
        if stream is None:
            return
        now = self._clock.now()
        self._alive[stream] = now
        if "watch" not in url.query:
            self._on_gap(stream)
            return
        self._open[stream] = _Watch(content, content.total_bytes)
        began = self._began.get(stream)
        self._began[stream] = now
        if began is not None and now - began < EARLY:
            self._on_gap(stream)

    def saw(self, kind: Kind, namespace: str) -> None:
        """Take note of an event: its stream lives."""
        for stream in (Stream(kind.name, namespace), Stream(kind.name, "")):
            if stream in self._alive:
                self._alive[stream] = self._clock.now()

    def silent(self, seconds: float) -> Mapping[Stream, float]:
        """Return the streams that have given no sign of life for longer than `seconds`, and for how long.

        What has come since the last call counts as of now: whoever asks seldom hears of a silence later, never sooner.
        """
        now = self._clock.now()
        for stream, watch in self._open.items():
            if watch.has_spoken():
                self._alive[stream] = now
        return {stream: now - at for stream, at in self._alive.items() if now - at > seconds}


async def _list_nothing(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType, resource_version: str
) -> aiohttp.ClientResponse | None:
    """Return an empty listing of a state of the cluster; None, and the request as it was, if that is refused.

    The API server refuses what it does not have any more (410 Gone).
    """
    whole = request.url
    request.url = whole.update_query(
        fieldSelector=NOBODY, resourceVersion=resource_version, resourceVersionMatch="Exact"
    )
    response = await handler(request)
    if response.ok:
        return response
    response.release()
    request.url = whole
    return None
