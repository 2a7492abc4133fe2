"""The view of the nodes, put together from its sources: EndpointSlices, the operator's declaration, name servers.

What must stay true:
- there is no view before both the slices and the declaration have been read once: a view of the pods alone would drain
  all others;
- a declaration that is gone, or makes no sense, changes nothing: what was known stays; if nothing was, nothing is
  declared;
- a host whose name cannot be resolved keeps its last address; one that never could leaves what HAProxy has of it alone
  (`View.unresolved`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping

from pba_sync.watching import external
from pba_sync.watching.external import Declared
from pba_sync.watching.membership import Endpoint, members
from pba_sync.watching.view import Board

_LOG = logging.getLogger(__name__)


class Roster:
    """Where each source puts what it knows; the view goes to the board."""

    def __init__(
        self,
        board: Board,
        declared: Declared | None = None,
        on_hosts: Callable[[frozenset[str]], None] = lambda _: None,
    ) -> None:
        """Put views on `board`.

        Args:
            board: where the view goes.
            declared: what is declared before anybody has said so; None: wait.
            on_hosts: told which hosts have to be resolved, whenever they change.
        """
        self._board = board
        self._on_hosts = on_hosts
        self._lock = threading.RLock()
        self._slices: tuple[tuple[Endpoint, ...], ...] | None = None
        self._declared = declared
        self._hosts: frozenset[str] = frozenset()
        self._addresses: dict[str, str] = {}
        self._tried: set[str] = set()
        self.pods = PodsDesk(self, board)
        self.declaration = DeclarationDesk(self, board)

    def put_slices(self, slices: Iterable[tuple[Endpoint, ...]]) -> None:
        """Take all EndpointSlices of the nodes' Services."""
        with self._lock:
            self._slices = tuple(slices)
            self._publish()

    def put_declared(self, declared: Declared) -> None:
        """Take what the operator declares."""
        with self._lock:
            self._declared = declared
            hosts = external.hosts(declared)
            changed = hosts != self._hosts
            self._hosts = hosts
            self._tried &= hosts
            self._addresses = {host: self._addresses[host] for host in hosts & self._addresses.keys()}
            self._publish()
        if changed:
            self._on_hosts(hosts)

    def put_answers(self, host: str, answers: tuple[str, ...]) -> str | None:
        """Take what a host's name resolves to; empty: it could not be resolved.

        Returns:
            The host's address, which is the last one known if the answers hold none; None: there never was one.
        """
        with self._lock:
            if host not in self._hosts:
                return None
            known = self._addresses.get(host)
            address = external.choose(known, answers) or known
            self._tried.add(host)
            if address is not None:
                self._addresses[host] = address
            self._publish()
            return address

    @property
    def is_declared(self) -> bool:
        """Whether a declaration has been read."""
        return self._declared is not None

    def _publish(self) -> None:
        if self._slices is None or self._declared is None:
            return
        outside = external.nodes(self._declared, self._addresses)
        pods = members(self._slices, others=bool(outside))
        self._board.publish(
            {**external.by_hand(pods, self._declared.drained), **outside},
            external.unresolved(self._declared, self._addresses),
            awaited=not self._hosts <= self._tried,
        )


class PodsDesk:
    """Takes the EndpointSlices of the nodes' Services."""

    what = "EndpointSlices"

    def __init__(self, roster: Roster, board: Board) -> None:
        self._roster = roster
        self._board = board

    def is_void(self, records: Mapping[str, tuple[Endpoint, ...]]) -> bool:
        """Tell whether no node is left."""
        return not members(records.values())

    def put(self, records: Mapping[str, tuple[Endpoint, ...]]) -> None:
        """Take all slices."""
        self.confirm()
        self._roster.put_slices(records.values())

    def confirm(self) -> None:
        """Note evidence that what was put last is current."""
        self._board.confirm(self.what)


class DeclarationDesk:
    """Takes the ConfigMap in which the operator declares nodes."""

    what = "the ConfigMap of nodes"

    def __init__(self, roster: Roster, board: Board) -> None:
        self._roster = roster
        self._board = board
        self._makes_no_sense = False

    def is_void(self, records: Mapping[str, Declared | None]) -> bool:
        """Tell whether it is not there."""
        return not records

    def put(self, records: Mapping[str, Declared | None]) -> None:
        """Take it; what is known stays if it is gone, or makes no sense."""
        self.confirm()
        declared = next(iter(records.values()), None)
        makes_no_sense = declared is None and bool(records)
        if makes_no_sense and not self._makes_no_sense:
            _LOG.warning("the ConfigMap of nodes makes no sense, going on with what is known")
        self._makes_no_sense = makes_no_sense
        if declared is not None:
            self._roster.put_declared(declared)
        elif not self._roster.is_declared:
            self._roster.put_declared(Declared())

    def confirm(self) -> None:
        """Note evidence that what was put last is current."""
        self._board.confirm(self.what)
