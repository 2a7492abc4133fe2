"""What the watch streams are doing, as their requests tell it, and where they begin.

kopf runs the streams and shows its handlers the objects only: not that a listing has ended, not that a stream
was broken off, not the bookmarks. But its requests pass through our session, and a request tells: a listing
is asked for (at the start, and when history was lost), a watch begins. That costs no request.

kopf begins each stream with a listing of its own. All that it would read was listed by us a moment before, so its
first listing of a kind is asked for nothing: for an object that cannot be, in the state of the cluster that
our listing has shown. The API server answers an empty list of that state, and kopf's watch goes on from there.

What must stay true: no event falls between our listing and kopf's watch (both are of the same state, or kopf lists
everything); a kind whose deletions may have been missed is named to `on_gap`; a stream that nobody keeps alive is told
by its age: a watch that lives is begun anew at least every `STREAM_SECONDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import aiohttp
from yarl import URL

from pba_operator.kube.clock import Clock
from pba_operator.kube.kinds import WATCHED, Kind

STREAM_SECONDS: Final = 290
"""After so long the API server ends a watch (as we ask it to), and kopf begins the next."""
SLACK: Final = 60.0
EARLY: Final = STREAM_SECONDS - 10.0
"""A watch that ends before this age was broken off."""
NOBODY: Final = "metadata.name=-"
"""A field selector that selects nothing: a name begins with a letter or a digit."""
_REFUSED: Final = 400
"""From this status on an answer is an error."""


class Stream(NamedTuple):
    """The watch of one kind in one namespace (empty: in all)."""

    kind: str
    namespace: str


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
        self._listed: dict[Stream, str] = {}

    def listed(self, stream: Stream, resource_version: str) -> None:
        """Take note of a whole listing of ours: the stream's next begins at that state of the cluster."""
        self._listed[stream] = resource_version

    async def follow(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Take note of a request of kopf's: a middleware of its session."""
        stream = self._by_path.get(request.url.path)
        version = "" if stream is None or "watch" in request.url.query else self._listed.pop(stream, "")
        if stream is not None and version:
            resumed = await _list_nothing(request, handler, version)
            if resumed is not None:
                self._alive[stream] = self._clock.now()
                return resumed
        response = await handler(request)
        if response.status < _REFUSED:
            self.answered(request.url)
        return response

    def answered(self, url: URL) -> None:
        """Take note of a request of kopf's that was answered."""
        stream = self._by_path.get(url.path)
        if stream is None:
            return
        now = self._clock.now()
        self._alive[stream] = now
        if "watch" not in url.query:
            self._on_gap(stream)
            return
        began = self._began.get(stream)
        self._began[stream] = now
        if began is not None and now - began < EARLY:
            self._on_gap(stream)

    def saw(self, kind: Kind, namespace: str) -> None:
        """Take note of an event: its stream lives."""
        for stream in (Stream(kind.name, namespace), Stream(kind.name, "")):
            if stream in self._alive:
                self._alive[stream] = self._clock.now()

    def silent(self) -> Mapping[Stream, float]:
        """Return the streams that must be dead, and for how many seconds nothing was seen of each."""
        now = self._clock.now()
        return {stream: now - at for stream, at in self._alive.items() if now - at > STREAM_SECONDS + SLACK}


async def _list_nothing(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType, resource_version: str
) -> aiohttp.ClientResponse | None:
    """Return an empty listing of a state of the cluster; None if the API server does not have it any more."""
    whole = request.url
    request.url = whole.update_query(
        fieldSelector=NOBODY, resourceVersion=resource_version, resourceVersionMatch="Exact"
    )
    response = await handler(request)
    if response.status < _REFUSED:
        return response
    response.release()
    request.url = whole
    return None
