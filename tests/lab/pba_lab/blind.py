"""A frontend with its nodes under traffic, whose sidecar is to lose its view; and what must hold meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Final

from pba_hack.waiting import wait_for
from pba_lab import pages
from pba_lab.aside import Aside
from pba_lab.haproxy import HAProxyProcess
from pba_lab.patience import eventually
from pba_lab.rotation import in_rotation
from pba_lab.sidecar import Sidecar
from pba_lab.slices import Slices, endpoint
from pba_sync.haproxy.servers import read_servers

AGE: Final = "pba_sync_view_age_seconds"
ERRORS: Final = "pba_sync_watch_errors_total"
UNSEEN: Final = "EndpointSlices cannot be followed, going on with what is known: "
CLIENTS: Final = 4
_FRESH_ANSWERS: Final = 100


class Frontend:
    """HAProxy, its sidecar, nodes, and clients that never retry."""

    def __init__(
        self, haproxy: HAProxyProcess, new_sidecar: Callable[[], Sidecar], slices: Slices, aside: Aside
    ) -> None:
        """Start the sidecar; `serve` begins."""
        self.haproxy = haproxy
        self._new_sidecar = new_sidecar
        self.sidecar = new_sidecar()
        self._slices = slices
        self.aside = aside

    def start_sidecar(self) -> None:
        """Start the sidecar anew; the one before has ended."""
        self.sidecar = self._new_sidecar()

    def tell(self, name: str, state: str = "ready") -> None:
        """Have the API server tell of a node, in a slice of its own; one that is not there yet begins to serve."""
        node = self.aside.nodes.get(name) or self.aside.add(name)
        self._slices.put(name, [endpoint(name, node.address, state)], port=node.port)

    def forget(self, name: str) -> None:
        """Have the API server tell of a node no more, without any word that it goes."""
        self._slices.delete(name)

    def serve(self, *names: str) -> None:
        """Tell of nodes, and return when clients are answered by all of them."""
        for name in names:
            self.tell(name)
        eventually(lambda: self.is_ready() and self.serving() == set(names))
        self.aside.ask(CLIENTS)
        self.is_answered_by(*names)

    def serving(self) -> set[str]:
        """Return the nodes in rotation."""
        return in_rotation(lambda: read_servers(self.haproxy.ask("show servers state nodes")))

    def is_without(self, name: str) -> bool:
        """Tell whether a node is out of rotation."""
        return name not in self.serving()

    def is_ready(self) -> bool:
        """Tell whether the frontend's pod is ready, as the kubelet asks."""
        return pages.get(self.haproxy.health_port, "/ready")[0] == 200

    def is_answered_by(self, *names: str) -> None:
        """Return when each of the nodes has answered anew."""
        counts = {name: len(self.aside.nodes[name].executed) for name in names}
        eventually(
            lambda: all(len(self.aside.nodes[name].executed) > count + 5 for name, count in counts.items())
        )

    def goes_on(self) -> None:
        """Return when many requests more were answered; none has failed, and the pod is ready."""
        before = self.aside.clients.sent
        eventually(lambda: self.aside.clients.sent > before + _FRESH_ANSWERS)
        assert self.aside.clients.failed == {}
        assert self.is_ready(), "losing the view takes no frontend out"

    def errors(self, error: str) -> float:
        """Return how many failures of the watches the sidecar has counted."""
        return self.sidecar.metric(f'{ERRORS}{{error="{error}"}}')

    def said(self, words: str) -> bool:
        """Tell whether the sidecar's log holds these words."""
        return words in self.sidecar.log.read_text()

    def has_told(self, cause: str) -> bool:
        """Tell whether the sidecar has said for this cause that it cannot follow the nodes' EndpointSlices."""
        messages = (json.loads(line)["message"] for line in self.sidecar.log.read_text().splitlines())
        return any(words.startswith(UNSEEN) and cause in words for words in messages)

    def seconds_until(self, holds: Callable[[], object], within: float) -> float:
        """Return how long it took until `holds` was true."""
        began = time.monotonic()
        wait_for("the sidecar", holds, within, poll_seconds=0.02)
        return time.monotonic() - began

    def catches_up(self, name: str, within: float) -> float:
        """Return after how many seconds a node is in rotation that the API server told of meanwhile."""
        return self.seconds_until(lambda: not self.is_without(name), within)
