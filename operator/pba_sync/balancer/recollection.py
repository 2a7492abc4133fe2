"""The view to go by: what we were told of the nodes, or what another sidecar of this pod was told last.

What must stay true: who is told anything goes by it alone; HAProxy's nodes are not touched by what was recalled as long
as it has any; who has not heard of the other frontends has no more requests run on a node than before.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Final

from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching.memory import Kept
from pba_sync.watching.view import Board, View

RECALL_SECONDS: Final = 3.0
"""How long the API server is waited for before an HAProxy without nodes gets those that were known last."""

_LOG = logging.getLogger(__name__)


class Recollection:
    """Keeps what we were told, and recalls it where nobody tells anything."""

    def __init__(
        self,
        board: Board,
        clock: Callable[[], float],
        keep: Callable[[View, int], None],
        recall: Callable[[], Kept | None],
    ) -> None:
        """Wait for the board's first view from now on.

        Args:
            board: where what we are told is put up.
            clock: monotonic seconds.
            keep: has a view survive us, and how many requests of this frontend may run on a node.
            recall: returns what was kept last.
        """
        self._board = board
        self._clock = clock
        self._keep = keep
        self._recall = recall
        self._recall_at = clock() + RECALL_SECONDS
        self._recalled: Kept | None = None
        self._kept: tuple[View | None, int] = (None, 0)

    @property
    def view(self) -> View | None:
        """The view to go by; None: nothing is known."""
        return self._board.view or (self._recalled.view if self._recalled else None)

    def limit(self, share: int) -> int:
        """Return how many requests may run on a node, of the share that follows from the frontends we know of."""
        if self._board.view is None and self._recalled is not None:
            return min(share, self._recalled.requests)
        return share

    def recall(self, live: Mapping[str, Server]) -> bool:
        """Recall what was known last, if HAProxy has no nodes and nobody tells of any; return whether there was any."""
        if any(server.admin is Admin.READY for server in live.values()) or self._clock() < self._recall_at:
            return False
        self._recall_at = math.inf
        self._recalled = self._recall()
        if self._recalled is None:
            return False
        _LOG.warning("nothing is known of the nodes yet: HAProxy gets those that were known last")
        return True

    def keep(self, view: View, requests: int) -> None:
        """Have a view survive us that was carried out, unless it does already."""
        if self._kept[0] is not view or self._kept[1] != requests:
            self._keep(view, requests)
            self._kept = (view, requests)
