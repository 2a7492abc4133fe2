"""What the frontend does when more is asked than the nodes, or one client's share, can bear: pure.

What must stay true: what waits is bounded in number and in time; who only begins a request holds no node.

How many requests run on one node is told to HAProxy by the sidecar, which knows how many frontends share it.
"""

from __future__ import annotations

from typing import Final

from pba_api import sidecar
from pba_api.types import Limits

MAX_CLIENTS: Final = 8000
"""Connections of clients at a time. Below the process's own limit, which HAProxy makes from its files (about 10,200):
so the probes are still accepted when the clients take all of theirs."""
MAX_WAITING: Final = MAX_CLIENTS // 2
"""Requests that wait for a node: so they never take all connections from clients who ask for something else."""
_KNOWN_CLIENTS: Final = 100_000
"""Of so many addresses the rate is known; then the one that has asked for nothing for longest is forgotten."""


def table(limits: Limits) -> list[str]:
    """Return the section that counts the clients' requests; none if nobody is limited."""
    if not limits.requests_per_client_per_second:
        return []
    sizes = f"type ipv6 size {_KNOWN_CLIENTS} expire 10s store http_req_rate(1s)"
    return [f"backend {sidecar.CLIENTS}", f"    stick-table {sizes}"]


def of_clients(limits: Limits) -> list[str]:
    """Return the rules of the clients' frontend; a client is an IPv4 address, or an IPv6 network of 64 bits."""
    # A node is asked when there is something to ask: the whole body, or what fits a buffer of it, or none.
    buffered = "option http-buffer-request"
    rate = limits.requests_per_client_per_second
    if not rate:
        return [buffered]
    return [
        buffered,
        f"http-request track-sc0 src,ipmask(32,64) table {sidecar.CLIENTS}",
        f"http-request deny status 429 default-errorfiles if {{ sc_http_req_rate(0) gt {rate} }}",
    ]


def of_nodes() -> list[str]:
    """Return the rule of the nodes' backend that bounds what waits."""
    return [f"http-request deny status 503 default-errorfiles if {{ queue gt {MAX_WAITING} }}"]
