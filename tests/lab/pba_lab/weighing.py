"""The sidecar's weigher beside the real HAProxy, without a process."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from pba_lab.haproxy import HAProxyProcess
from pba_sync.balancer.weigher import Weigher, WeigherHooks
from pba_sync.haproxy.affinity import NO_AFFINITY, Affinity
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Standings


@contextlib.contextmanager
def weighing(
    haproxy: HAProxyProcess, limits: Limits, affinity: Affinity = NO_AFFINITY
) -> Iterator[list[Standings]]:
    """Weigh the nodes until the block ends; give what was known after each look."""
    seen: list[Standings] = []
    client = HAProxy(haproxy.socket, 5, lambda _verb, _succeeded: None)
    weigher = Weigher(client, limits, WeigherHooks(time.monotonic, seen.append), affinity)
    ended = threading.Event()
    looking = threading.Thread(target=weigher.run, args=(ended,))
    looking.start()
    # it ends with HAProxy, or with the process
    threading.Thread(target=weigher.follow_failures, daemon=True).start()
    try:
        yield seen
    finally:
        ended.set()
        looking.join()
