"""What the frontend does when more is asked than the nodes, or one client's share, can bear: pure.

What must stay true: what waits is bounded in number and in time; who only begins a request holds no node; no client
takes the last connections, or places for requests; what HAProxy keeps in memory for requests is bounded, however many
of them a connection carries.

How many requests run on one node is told to HAProxy by the sidecar, which knows how many frontends share it.

A client's rate holds for all frontends together. Each lets its part of it through: as large a part as of all that
the client asks for comes to it (ADR 16). What comes to the others the sidecar tells HAProxy, as a rate that fades by
itself within two seconds unless it is told anew: whoever dies or is cut off, nobody is refused for what is over. What
counts against it is what was let through: who asks for too much gets his limit, not nothing.

A connection of HTTP/2 carries up to a hundred requests at a time (`tune.h2.fe.max-concurrent-streams`, which HAProxy's
manual recommends not to change), and HAProxy's `maxconn` counts connections. Each request has up to two buffers of
16 KiB, and may keep them for as long as its client sends or reads nothing. `tune.buffers.limit` would bound the
buffers, but HAProxy's manual warns of it: tasks that find none may freeze. So the requests are counted, by a counter
with one entry, when they begin and when they are over.
"""

from __future__ import annotations

from typing import Final

from pba_api import sidecar
from pba_api.types import Frontend, Limits
from pba_operator.domain.frontend import origin, pages, timing
from pba_operator.domain.frontend.words import Counter, one_entry_table

MAX_CLIENTS: Final = 8000
"""Connections of clients at a time. Below the process's own limit, which HAProxy makes from its files (about 10,200):
so the probes are still accepted when the clients take all of theirs."""
CROWDED: Final = MAX_CLIENTS * 3 // 4
"""From so many connections on, who has `FAIR_SHARE` of them gets no more. So it is with requests under way, of which
those count that begin from then on. Below, nobody is limited: many users may share one address."""
FAIR_SHARE: Final = MAX_CLIENTS // 10
MAX_WAITING: Final = MAX_CLIENTS // 2
"""Requests that wait for a node: so they never take all connections from clients who ask for something else."""
MAX_REQUESTS: Final = MAX_CLIENTS
"""Requests under way at a time: as many as with HTTP/1, where a connection has one."""
MAX_GLITCHES: Final = 1000
"""What a connection of HTTP/2 may do that HAProxy finds odd, before it is closed. HAProxy's manual: hundreds or
thousands, as some clients cause a few in a long connection."""
_REQUESTS: Final = "requests"
_CONNECTIONS: Final = "connections"
_CROWD: Final = "crowd"
_KNOWN_CLIENTS: Final = 100_000
"""Of so many addresses the rate is known; then the one that has asked for nothing for longest is forgotten."""

_CLIENT: Final = "src,ipmask(32,64)"
_REFUSED: Final = "http-request deny status 429 default-errorfiles"


def sections(limits: Limits) -> list[str]:
    """Return the sections that count: all requests under way, and each client's if these are limited."""
    table = f"    stick-table type ipv6 size {_KNOWN_CLIENTS} expire 10s store"
    rate = "http_req_rate(1s)"
    counted = [
        *(["conn_cur"] if limits.requests_per_client else []),
        *([rate, "gpc(1)", "gpc_rate(1,1s)"] if limits.requests_per_client_per_second else []),
    ]
    lines = [
        *one_entry_table(_REQUESTS, "conn_cur"),
        "",
        f"backend {_CONNECTIONS}",
        f"{table} conn_cur",
        "",
        f"backend {_CROWD}",
        f"{table} conn_cur",
    ]
    if counted:
        lines += [
            "",
            "# Each client's requests at this frontend, as far as limited: under way, asked for, and let through.",
            f"backend {sidecar.TABLE_CLIENTS}",
            f"{table} {','.join(counted)}",
        ]
    if limits.requests_per_client_per_second:
        lines += [
            "",
            "# What clients ask of other frontends, once all of it together is too much; told by the sidecar.",
            f"backend {sidecar.TABLE_ELSEWHERE}",
            f"{table} {rate}",
        ]
    return lines


def connection_rules(frontend: Frontend) -> list[str]:
    """Return the rules of the clients' frontend by which no client takes the last connections.

    They hold before the handshake of TLS; where every connection begins with PROXY's header, only that tells whose it
    is, and HAProxy reads it with the handshake, which has a time limit of its own. Connections of trusted proxies are
    many clients', so they are not limited.
    """
    known_by = "session" if origin.bind_options(frontend) else "connection"
    others = f" unless {origin.FROM_PROXIES}" if frontend.trusted_proxy_cidrs else ""
    crowded = f"{{ fe_conn gt {CROWDED} }} {{ sc_conn_cur({Counter.CONNECTION:d}) gt {FAIR_SHARE} }}"
    return [
        "# Where most connections are taken, a client who has many of them gets no more.",
        f"tcp-request {known_by} track-sc{Counter.CONNECTION:d} {_CLIENT} table {_CONNECTIONS}{others}",
        f"tcp-request {known_by} reject if {crowded}",
    ]


def frontend_rules() -> list[str]:
    """Return the rules of the clients' frontend that stand before all that refuse: no more requests than there may be.

    Without a page: a client that takes none (HTTP/2 lets it say so) would hold what is refused, too.
    """
    refusal = f"status 503 hdr Retry-After {pages.RETRY_SECONDS[503]} hdr Cache-Control no-store"
    under_way = f"sc_conn_cur({Counter.REQUESTS:d})"
    return [
        "# A connection of HTTP/2 carries many requests, so they are counted. One too many gets no page to hold.",
        f"http-request track-sc{Counter.REQUESTS:d} int(0) table {_REQUESTS}",
        f"http-request return {refusal} if {{ {under_way} gt {MAX_REQUESTS} }}",
        f"http-request track-sc{Counter.CROWD:d} {_CLIENT} table {_CROWD} if {{ {under_way} gt {CROWDED} }}",
        f"http-request return {refusal} if {{ sc_conn_cur({Counter.CROWD:d}) gt {FAIR_SHARE} }}",
    ]


def client_rules(frontend: Frontend) -> list[str]:
    """Return the rules of the clients' frontend; a client is an IPv4 address, or an IPv6 network of 64 bits."""
    at_a_time = frontend.limits.requests_per_client
    rate = frontend.limits.requests_per_client_per_second
    limited = [
        f"http-request track-sc{Counter.CLIENT:d} {_CLIENT} table {sidecar.TABLE_CLIENTS}",
        *([f"{_REFUSED} if {{ sc_conn_cur({Counter.CLIENT:d}) gt {at_a_time} }}"] if at_a_time else []),
        *(_rate(rate) if rate else []),
    ]
    return [
        *(limited if at_a_time or rate else []),
        # A node is asked when there is something to ask: the whole body, or what fits a buffer of it, or none.
        f"http-request wait-for-body time {timing.request_seconds(frontend.timeouts)}s",
    ]


def _rate(rate: int) -> list[str]:
    his = f"{Counter.CLIENT:d}"
    return [
        "# Let through here / limit >= asked for here / asked for anywhere: this frontend has given its part.",
        f"http-request set-var(txn.asked) {_CLIENT},table_http_req_rate({sidecar.TABLE_ELSEWHERE})",
        f"http-request set-var(txn.asked) sc_http_req_rate({his}),add(txn.asked)",
        f"http-request set-var(txn.part) sc_http_req_rate({his}),mul({rate})",
        f"acl is_too_often sc_gpc_rate(0,{his}),mul(txn.asked),sub(txn.part) ge 0",
        f"{_REFUSED} if is_too_often",
        f"http-request sc-inc-gpc(0,{his})",
    ]


def backend_rules() -> list[str]:
    """Return the rule of the nodes' backend that bounds what waits."""
    return [f"http-request deny status 503 default-errorfiles if {{ queue gt {MAX_WAITING} }}"]
