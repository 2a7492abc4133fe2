"""Our view of the nodes: kept by LIST and WATCH, a thread for each source, for ever.

What must stay true:
- the view is replaced as a whole, and never by an empty one unless a second live read agrees: an API server
  that has lost its memory for a moment must not empty the balancer;
- losing the API server changes nothing: we go on with what we know, and say how old it is;
- the view's age counts from evidence (an event, a bookmark, a list), never from the mere fact that this thread is
  alive, nor from a watch that ended without a word: whoever ended it may have kept what it had to say;
- everything is read anew after such a watch, and every few minutes, whatever the watches say.

The API server says something in each watch that it ends by itself: a bookmark, two seconds before (`nextBookmarkTime`
in its sources). It promises none, so a watch that says nothing costs a list, and is no failure.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from pba_sync.watching.errors import AccessRefusedError, KubernetesError, ViewExpiredError
from pba_sync.watching.kube import Event, Listing
from pba_sync.watching.membership import Node

Record = TypeVar("Record")
Record_contra = TypeVar("Record_contra", contravariant=True)

RELIST_SECONDS = 300.0
CONFIRM_SECONDS = 1.0
"""How long after an empty read the second one is made."""
BACKOFF_SECONDS = (0.2, 5.0)
"""First and longest wait after a failure; doubled each time, with jitter."""
WATCH_PAUSE_SECONDS = 0.2
"""The least time from the opening of one watch to that of the next."""
BRIEF_SECONDS = 15.0
"""A watch that has ended before that, without a word, is a failure: the API server lets one live for twice as long."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """The nodes as we were told of them."""

    nodes: dict[str, Node]
    changed_at: float
    """When the change to this view was seen (monotonic seconds)."""
    unresolved: frozenset[str] = frozenset()
    """External nodes whose addresses are not known: what HAProxy has of them is left as it is."""
    awaited: bool = False
    """Whether an external node's address was not even asked for: the answer may come at any moment."""


class Board:
    """Where the watcher puts the view and the balancer's loop finds it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._view: View | None = None
        self._evidence: dict[str, float] = {}
        self._version = 0

    @property
    def view(self) -> View | None:
        """The newest view; None before the first."""
        with self._condition:
            return self._view

    @property
    def version(self) -> int:
        """A number that grows with each change of the view."""
        with self._condition:
            return self._version

    def age(self) -> float | None:
        """Return for how many seconds nothing has told us that the view is current; None without a view.

        Of several sources the one counts that has been silent for longest.
        """
        with self._condition:
            known = self._view is not None and self._evidence
            return self._clock() - min(self._evidence.values()) if known else None

    def confirm(self, source: str) -> None:
        """Note evidence that what a source told last is current."""
        with self._condition:
            self._evidence[source] = self._clock()

    def publish(
        self,
        nodes: dict[str, Node],
        unresolved: frozenset[str] = frozenset(),
        *,
        awaited: bool = False,
    ) -> None:
        """Replace the view, and wake who waits for it; the arguments are the view's fields."""
        with self._condition:
            view = View(nodes, self._clock(), unresolved, awaited)
            if self._view is None or replace(view, changed_at=self._view.changed_at) != self._view:
                self._view = view
                self._version += 1
                self._condition.notify_all()

    def wait(self, version: int, timeout: float) -> None:
        """Wait until the view's version is another than `version`, for at most `timeout` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self._version != version, timeout)


@dataclass(frozen=True)
class WatcherHooks:
    """What the watcher needs of the world, and whom it tells: for tests and metrics."""

    clock: Callable[[], float]
    sleep: Callable[[float], object]
    jitter: Callable[[], float]
    """A random number in [0, 1)."""
    on_relist: Callable[[str], None]
    on_error: Callable[[str], None]


class Source(Protocol[Record]):
    """Where objects are listed and watched."""

    def list(self) -> Listing[Record]:
        """Return all objects, read live."""

    def watch(self, resource_version: str) -> Iterator[Event[Record]]:
        """Yield what changes after `resource_version`, until the watch ends by itself."""


class Desk(Protocol[Record_contra]):
    """Who is told of the objects that are followed."""

    @property
    def what(self) -> str:
        """What they are, in the log."""

    def is_void(self, records: Mapping[str, Record_contra]) -> bool:
        """Tell whether they leave nothing, so that they are not believed without a second look."""

    def put(self, records: Mapping[str, Record_contra]) -> None:
        """Take all of them."""

    def confirm(self) -> None:
        """Note evidence that what was put last is current."""


class Watcher(Generic[Record]):
    """Keeps a desk current."""

    def __init__(self, source: Source[Record], desk: Desk[Record], hooks: WatcherHooks) -> None:
        self._source = source
        self._desk = desk
        self._hooks = hooks
        self._records: dict[str, Record] = {}
        self._failures = 0
        self._told: set[object] = set()
        """The causes that were told since a watch was answered last."""
        self.moved_at = hooks.clock()
        """When this thread last got an answer, an event, the end of a watch or an error: it is not stuck."""

    def run(self) -> None:
        """List and watch, for ever."""
        reason = "start"
        while True:
            reason = self._cycle(reason)

    def _cycle(self, reason: str) -> str:
        """List once and follow from there; return why the next list is needed."""
        self._move()
        try:
            self._list(reason)
            return self._follow_listing()
        except ViewExpiredError:
            # At once; but if no watch has said anything else since the last time, it must not make a busy loop.
            if self._failures:
                self._hooks.sleep(self._delay())
            self._failures = max(1, self._failures)
            return "expired"
        except KubernetesError as error:
            self._hooks.on_error(type(error).__name__)
            self._log(error)
        except Exception:  # noqa: BLE001 - logged whole; the loop must go on
            # A fault of ours in one event must not end the thread: the next list starts from a clean slate.
            self._hooks.on_error("fault")
            _LOG.exception("the watch of %s failed on a fault of its own; listing again", self._desk.what)
        self._hooks.sleep(self._delay())
        return "error"

    def _move(self) -> None:
        self.moved_at = self._hooks.clock()

    def _log(self, error: KubernetesError) -> None:
        cause = _cause(error)
        if cause not in self._told:
            self._told.add(cause)
            hint = " (is the Role bound, the token mounted?)" if isinstance(error, AccessRefusedError) else ""
            _LOG.warning(
                "%s cannot be followed, going on with what is known: %s%s", self._desk.what, error, hint
            )

    def _is_well(self) -> None:
        """Note that a watch is answered as it should be; that a list is proves nothing of watches."""
        self._failures = 0
        if self._told:
            self._told.clear()
            _LOG.info("%s can be read again", self._desk.what)

    def _delay(self) -> float:
        first, longest = BACKOFF_SECONDS
        delay = min(longest, first * 2.0**self._failures)
        self._failures += 1
        return delay * (0.5 + self._hooks.jitter() / 2)

    def _list(self, reason: str) -> None:
        self._hooks.on_relist(reason)
        listing = self._source.list()
        if self._desk.is_void(listing.records):
            listing = self._second_read()
        self._take(listing)

    def _second_read(self) -> Listing[Record]:
        self._hooks.sleep(CONFIRM_SECONDS)
        self._hooks.on_relist("confirm-empty")
        return self._source.list()

    def _take(self, listing: Listing[Record]) -> None:
        self._version = listing.resource_version
        self._records = dict(listing.records)
        self._desk.put(self._records)

    def _follow_listing(self) -> str:
        """Watch, again and again, until a full read is needed; return why."""
        until = self._hooks.clock() + RELIST_SECONDS
        while (opened := self._hooks.clock()) < until:
            heard = self._follow_watch()
            lasted = self._hooks.clock() - opened
            if not heard and lasted < BRIEF_SECONDS:
                self._hooks.sleep(self._delay())
            if not heard:
                return "silent"
            # A watch that ends as soon as it is opened must not make a busy loop.
            self._hooks.sleep(max(0.0, WATCH_PAUSE_SECONDS - lasted))
        return "periodic"

    def _follow_watch(self) -> bool:
        """Follow one watch to its end; tell whether it said anything."""
        self._move()
        opened, heard = self._hooks.clock(), False
        for event in self._source.watch(self._version):
            self._move()
            self._is_well()
            heard = True
            self._version = event.resource_version
            if not event.name:
                self._desk.confirm()
            elif not self._change(event.name, event.record):
                # The second read is newer than the rest of this watch.
                self._take(self._second_read())
                break
        if self._hooks.clock() - opened >= BRIEF_SECONDS:
            self._is_well()
        return heard

    def _change(self, name: str, record: Record | None) -> bool:
        """Take an object's change over; False, and nothing is told, if that leaves nothing."""
        if record is None:
            self._records.pop(name, None)
        else:
            self._records[name] = record
        if self._desk.is_void(self._records):
            return False
        self._desk.put(self._records)
        return True


def _cause(error: KubernetesError) -> object:
    """Return what tells one cause from another: a connection that broke is none of what refuses the next."""
    below = error.__cause__
    return type(error), type(below), getattr(below, "code", None)
