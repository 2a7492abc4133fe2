"""Our view of the nodes: kept by LIST and WATCH in one thread, for ever.

What must stay true:
- the view is replaced as a whole, and never by an empty one unless a second live read agrees: an API server
  that has lost its memory for a moment must not empty the balancer;
- losing the API server changes nothing: we go on with what we know, and say how old it is;
- the view's age counts from evidence (an event, a bookmark, a watch that ended in order, a list), never from
  the mere fact that this thread is alive;
- everything is read anew every few minutes, whatever the watch says.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pba_sync.balancer.errors import AccessRefusedError, KubernetesError, ViewExpiredError
from pba_sync.balancer.kube import Listing, Slices
from pba_sync.balancer.membership import Endpoint, Node, members

RELIST_SECONDS = 300.0
CONFIRM_SECONDS = 1.0
"""How long after an empty read the second one is made."""
BACKOFF_SECONDS = (0.2, 5.0)
"""First and longest wait after a failure; doubled each time, with jitter."""
WATCH_PAUSE_SECONDS = 0.2
"""The least time from the opening of one watch to that of the next."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """The nodes as the API server told them, and when a change of them was seen (monotonic seconds)."""

    nodes: dict[str, Node]
    changed_at: float


class Board:
    """Where the watcher puts the view and the balancer's loop finds it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._view: View | None = None
        self._evidence_at: float | None = None
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
        """Return for how many seconds nothing has told us that the view is current; None before the first."""
        with self._condition:
            return None if self._evidence_at is None else self._clock() - self._evidence_at

    def confirm(self) -> None:
        """Note evidence that the view is current."""
        with self._condition:
            self._evidence_at = self._clock()

    def publish(self, nodes: dict[str, Node]) -> None:
        """Replace the view, and wake who waits for it."""
        with self._condition:
            self._evidence_at = self._clock()
            if self._view is None or self._view.nodes != nodes:
                self._view = View(nodes, self._evidence_at)
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


class Watcher:
    """Keeps a `Board` current."""

    def __init__(self, slices: Slices, board: Board, hooks: WatcherHooks) -> None:
        self._source = slices
        self._board = board
        self._hooks = hooks
        self._slices: dict[str, tuple[Endpoint, ...]] = {}
        self._failures = 0
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
            self._failures = 0
            return self._follow_listing()
        except ViewExpiredError:
            return "expired"
        except KubernetesError as error:
            self._hooks.on_error(type(error).__name__)
            self._log(error)
        except Exception:  # noqa: BLE001 - logged whole; the loop must go on
            # A fault of ours in one event must not end the thread: the next list starts from a clean slate.
            self._hooks.on_error("fault")
            _LOG.exception("the watch of EndpointSlices failed on a fault of its own; listing again")
        self._hooks.sleep(self._delay())
        return "error"

    def _move(self) -> None:
        self.moved_at = self._hooks.clock()

    def _log(self, error: KubernetesError) -> None:
        if self._failures == 0:
            hint = " (is the Role bound, the token mounted?)" if isinstance(error, AccessRefusedError) else ""
            _LOG.warning("EndpointSlices cannot be followed, going on with what is known: %s%s", error, hint)

    def _delay(self) -> float:
        first, longest = BACKOFF_SECONDS
        delay = min(longest, first * 2.0**self._failures)
        self._failures += 1
        return delay * (0.5 + self._hooks.jitter() / 2)

    def _list(self, reason: str) -> None:
        self._hooks.on_relist(reason)
        listing = self._source.list()
        if self._failures:
            _LOG.info("EndpointSlices can be read again")
        if not members(listing.slices.values()):
            listing = self._second_read()
        self._take(listing)

    def _second_read(self) -> Listing:
        self._hooks.sleep(CONFIRM_SECONDS)
        self._hooks.on_relist("confirm-empty")
        return self._source.list()

    def _take(self, listing: Listing) -> None:
        self._version = listing.resource_version
        self._slices = dict(listing.slices)
        self._board.publish(members(self._slices.values()))

    def _follow_listing(self) -> str:
        """Watch, again and again, until it is time for a full read."""
        until = self._hooks.clock() + RELIST_SECONDS
        while (opened := self._hooks.clock()) < until:
            self._follow_watch()
            self._board.confirm()
            # A watch that ends as soon as it is opened must not make a busy loop.
            self._hooks.sleep(max(0.0, opened + WATCH_PAUSE_SECONDS - self._hooks.clock()))
        return "periodic"

    def _follow_watch(self) -> None:
        self._move()
        for event in self._source.watch(self._version):
            self._move()
            self._version = event.resource_version
            if not event.name:
                self._board.confirm()
            elif not self._change(event.name, event.endpoints):
                # The second read is newer than the rest of this watch.
                self._take(self._second_read())
                return

    def _change(self, name: str, endpoints: tuple[Endpoint, ...] | None) -> bool:
        """Take a slice's change into the view; False, and no change of the view, if that empties it."""
        if endpoints is None:
            self._slices.pop(name, None)
        else:
            self._slices[name] = endpoints
        nodes = members(self._slices.values())
        if nodes:
            self._board.publish(nodes)
        return bool(nodes)
