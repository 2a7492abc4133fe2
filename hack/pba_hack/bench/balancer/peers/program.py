"""A peer as a process, as the bench knows balancers."""

from __future__ import annotations

from pba_lab.proxies import Proxy

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.process_usage import family


def as_balancer(proxy: Proxy) -> Balancer:
    """Return a proxy that runs, with all processes that it has started."""
    return Balancer((f"127.0.0.1:{proxy.port}",), family(proxy.pid))
