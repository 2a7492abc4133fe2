"""What the frontend does when more is asked than the nodes, or one client's share, can bear: pure.

What must stay true: what waits is bounded in number and in time; who only begins a request holds no node.

How many requests run on one node is told to HAProxy by the sidecar, which knows how many frontends share it.

A client's rate holds for all frontends together. Each lets its part of it through: as large a part as of all that
the client asks for comes to it (ADR 16). What comes to the others the sidecar tells HAProxy, as a rate that fades by
itself within two seconds unless it is told anew: whoever dies or is cut off, nobody is refused for what is over. What
counts against it is what was let through: who asks for too much gets his limit, not nothing.
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

_CLIENT: Final = "src,ipmask(32,64)"
_REFUSED: Final = "http-request deny status 429 default-errorfiles"


def table(limits: Limits) -> list[str]:
    """Return the sections that count the clients' requests; none if nobody is limited."""
    table = f"stick-table type ipv6 size {_KNOWN_CLIENTS} expire 10s store"
    rate = "http_req_rate(1s)"
    counted = [
        *(["conn_cur"] if limits.requests_per_client else []),
        *([rate, "gpc(1)", "gpc_rate(1,1s)"] if limits.requests_per_client_per_second else []),
    ]
    if not counted:
        return []
    clients = [
        "# What each client has under way here, asks for here, or was let through of it: what is limited.",
        f"backend {sidecar.CLIENTS}",
        f"    {table} {','.join(counted)}",
    ]
    if not limits.requests_per_client_per_second:
        return clients
    return [
        *clients,
        "",
        "# What clients ask other frontends for, as far as it is too much together; the sidecar says it.",
        f"backend {sidecar.ELSEWHERE}",
        f"    {table} {rate}",
    ]


def of_clients(limits: Limits) -> list[str]:
    """Return the rules of the clients' frontend; a client is an IPv4 address, or an IPv6 network of 64 bits.

    HAProxy looks at them when the body is whole or fills a buffer, so what has not come so far is not under way.
    """
    # A node is asked when there is something to ask: the whole body, or what fits a buffer of it, or none.
    buffered = "option http-buffer-request"
    at_a_time, rate = limits.requests_per_client, limits.requests_per_client_per_second
    if not at_a_time and not rate:
        return [buffered]
    return [
        buffered,
        f"http-request track-sc0 {_CLIENT} table {sidecar.CLIENTS}",
        *([f"{_REFUSED} if {{ sc_conn_cur(0) gt {at_a_time} }}"] if at_a_time else []),
        *(_rate(rate) if rate else []),
    ]


def _rate(rate: int) -> list[str]:
    return [
        "# Let through here / limit >= asked for here / asked for anywhere: this frontend has given its part.",
        f"http-request set-var(txn.asked) {_CLIENT},table_http_req_rate({sidecar.ELSEWHERE})",
        "http-request set-var(txn.asked) sc_http_req_rate(0),add(txn.asked)",
        f"http-request set-var(txn.part) sc_http_req_rate(0),mul({rate})",
        "acl is_too_often sc_gpc_rate(0,0),mul(txn.asked),sub(txn.part) ge 0",
        f"{_REFUSED} if is_too_often",
        "http-request sc-inc-gpc(0,0)",
    ]


def of_nodes() -> list[str]:
    """Return the rule of the nodes' backend that bounds what waits."""
    return [f"http-request deny status 503 default-errorfiles if {{ queue gt {MAX_WAITING} }}"]
