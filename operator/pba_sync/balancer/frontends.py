"""How many frontends share the nodes.

The limit of a node is divided among the frontends that serve: those that are ready in the EndpointSlices of the
clients' Service, and this one, ready or not. One that goes is not counted: its clients leave after their next response,
and what it still has on a node comes on top for so long. Before the frontends serve, the Service leads to the
management node, which is no frontend, and does not share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from pba_sync.watching.membership import Endpoint, Node, NodeState, members


class FrontendsDesk:
    """Takes the EndpointSlices of the clients' Service."""

    what = "EndpointSlices of the frontends"

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._confirmed_at: float | None = None
        self.nodes: Mapping[str, Node] = {}
        """What the Service leads to."""

    def is_void(self, records: Mapping[str, tuple[Endpoint, ...]]) -> bool:
        """Tell whether nobody is left."""
        return not members(records.values())

    def put(self, records: Mapping[str, tuple[Endpoint, ...]]) -> None:
        """Take all slices."""
        self.confirm()
        self.nodes = members(records.values())

    def confirm(self) -> None:
        """Note evidence that what was put last is current."""
        self._confirmed_at = self._clock()

    def age(self) -> float:
        """Return for how many seconds nothing has told us that this is current; NaN before the first time."""
        return math.nan if self._confirmed_at is None else self._clock() - self._confirmed_at


def others(nodes: Mapping[str, Node], prefix: str, own: Collection[str]) -> dict[str, Node]:
    """Return the other frontends, whatever their states.

    Args:
        nodes: what the clients' Service leads to.
        prefix: how the names of the frontends' pods begin.
        own: this pod's addresses.
    """
    return {name: node for name, node in nodes.items() if name.startswith(prefix) and node.address not in own}


def count(nodes: Mapping[str, Node], prefix: str, own: Collection[str]) -> int:
    """Return how many frontends serve, this one included; the arguments are those of `others`."""
    return 1 + sum(node.state is NodeState.SERVING for node in others(nodes, prefix, own).values())


def share(requests_per_node: int, frontends: int) -> int:
    """Return how many requests each of `frontends` may have on one node: together no more than may be, at least one."""
    return max(1, requests_per_node // frontends)
