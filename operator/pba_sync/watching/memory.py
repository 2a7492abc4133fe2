"""The last view of the nodes, in a file that lives as long as the pod.

It is for a sidecar that has started while the API server is away, and whose HAProxy then starts anew: neither of them
knows a node any more.

What must stay true: a view is kept whole or not at all; a file that cannot be written costs nothing else; what makes no
sense is not believed.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pba_sync.watching.membership import PORT_MAX, Node, NodeState
from pba_sync.watching.view import View

FILE: Final = "view.json"

_KEPT: Final = ("name", "address", "port", "keeps_clients")
"""What is kept of a node, beside its state. Whether it is well is not: by now that may be otherwise."""

_NAME = re.compile(r"[A-Za-z0-9.:_-]{1,512}")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier sidecar of the pod knew."""

    view: View
    requests: int
    """How many requests of this frontend might run on a node at a time."""


class Memory:
    """Keeps views in a folder."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._path = folder / FILE
        self._clock = clock
        self._problem = ""

    def keep(self, view: View, requests: int) -> None:
        """Have this view survive us, and how many requests of this frontend may run on a node at a time."""
        nodes = [
            {key: getattr(node, key) for key in _KEPT} | {"state": node.state.value}
            for node in view.nodes.values()
        ]
        text = json.dumps({"nodes": nodes, "unresolved": sorted(view.unresolved), "requests": requests})
        beside = self._path.with_suffix(".new")
        problem = ""
        try:
            beside.write_text(text)
            beside.replace(self._path)
        except OSError as error:
            problem = str(error)
        if problem and problem != self._problem:
            _LOG.warning("the view of the nodes cannot be kept for another sidecar: %s", problem)
        self._problem = problem

    def recall(self) -> Kept | None:
        """Return what was kept last; None if there is nothing, or it makes no sense."""
        try:
            content = json.loads(self._path.read_text())
            nodes = [_node(entry) for entry in content["nodes"]]
            unresolved = frozenset(str(name) for name in content["unresolved"])
            requests = _number(content["requests"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            _LOG.warning("the view of the nodes that was kept makes no sense: %r", error)
            return None
        return Kept(View({node.name: node for node in nodes}, self._clock(), unresolved), requests)


def _number(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"no number of requests: {value!r}")
    return value


def _node(entry: Mapping[str, Any]) -> Node:
    """Return a node as it was kept.

    Raises:
        ValueError: it is none.
        TypeError: the same.
        KeyError: the same.
    """
    name, address, port, keeps = (entry[key] for key in _KEPT)
    if not isinstance(address, str) or not _NAME.fullmatch(name) or type(keeps) is not bool:
        raise ValueError(f"no node: {entry!r}")
    if type(port) is not int or not 0 < port <= PORT_MAX:
        raise ValueError(f"no port: {port!r}")
    ipaddress.ip_address(address)
    return Node(name, address, port, NodeState(entry["state"]), keeps, proven=False)
