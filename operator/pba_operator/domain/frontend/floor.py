"""Who is asked where no node passes its checks, or too few for what is asked: pure.

What must stay true:
- where no node passes its checks, requests are sent to one of those that the sidecar knows of (`sidecar.FLOOR`): one
  that may answer is better than none;
- where less than a fifth of these pass, have no free place, and 50 requests wait for each, or as many as may run there
  if these are less, what comes is sent to any of them as well, instead of waiting and failing. It ends as soon as one
  that passes has a free place, even if others have requests that wait;
- a client that is bound to a node stays there: by its cookie, or by its address.

The node is drawn in the section of the clients, because HAProxy evaluates `force-persist` before the rules of the
nodes' section. It asks no second node for such a request.
"""

from __future__ import annotations

from typing import Final

from pba_api import sidecar
from pba_api.types import Frontend, SessionAffinity
from pba_operator.domain.frontend import affinity

FEW: Final = 5
"""Less than one in so many pass their checks: that so many are bad at once is more often a fault of what finds them so.
Envoy's panic begins at half of them, whatever the load; a health path that most nodes fail for a good reason then costs
requests that the others had answered."""
WAITING: Final = 50
"""So many have to wait for each node that passes, or as many as may run on it, if these are less: with many nodes, more
would be refused before."""


def _drawn_by(bound: SessionAffinity) -> str:
    """Return by what a node is drawn: a client that is known by his address stays."""
    return "src,xxh32" if bound.type == sidecar.CLIENT_IP else "rand(1000000)"


def _overflow(frontend: Frontend) -> str:
    """Return the further case in which one is drawn; empty: none, as the ring of nodes says whose each client is."""
    bound = frontend.session_affinity
    return "" if bound.type == sidecar.CLIENT_IP else f" or all_are_full many_wait{affinity.unbound(bound)}"


def frontend_rules(frontend: Frontend) -> list[str]:
    """Return the rules of the clients' section."""
    bound, nodes = frontend.session_affinity, sidecar.HAPROXY_BACKEND
    known = f"str({sidecar.NODES}),map({sidecar.FLOOR_SIZE})"
    drawn = f"{_drawn_by(bound)},mod(txn.nodes),map({sidecar.FLOOR})"
    return [
        "# If no node passes its checks, any of them may be asked: one that may answer is better than none. So it is",
        "# if few pass, all of these are full, and many wait.",
        f"acl nobody_passes nbsrv({nodes}) eq 0",
        f"acl all_are_full be_conn_free({nodes}) le 0",
        f"acl many_wait avg_queue({nodes}) ge {min(WAITING, frontend.limits.requests_per_node)}",
        f"http-request set-var(txn.known) {known} if nobody_passes{_overflow(frontend)}",
        f"acl few_pass nbsrv({nodes}),mul({FEW}),sub(txn.known) lt 0",
        "http-request set-var(txn.nodes) var(txn.known) if few_pass",
        f"http-request set-var(txn.floor) {drawn} if {{ var(txn.nodes) -m found }}{affinity.unbound(bound)}",
    ]


def backend_rules() -> list[str]:
    """Return the rules of the nodes' section."""
    return [
        "# If too few nodes pass their checks: the one that was drawn.",
        "force-persist if { var(txn.nodes) -m found }",
        "use-server %[var(txn.floor)] if { var(txn.floor) -m found }",
    ]
