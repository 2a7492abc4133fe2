"""How a client stays on its node: HAProxy's part of it, and what the sidecar is told.

What must stay true:
- the cookie is HAProxy's alone: the application never sees it, and what it sets under that name never reaches a client;
- its value tells nothing of the node, and is the same in every frontend, whoever restarts;
- no cache that clients share keeps an answer that binds one: it would bind all of them;
- a client whose node goes, is down, fails or is too slow is sent to another, with that one's cookie;
- a trial (a request to a node that is out) is never one of a client that is bound: its session lives elsewhere.

Why no `ignore-persist` for the nodes that clients shall leave: under it HAProxy (3.0) sets no new cookie, so that each
request would go to another node. The cookie is emptied instead, and HAProxy takes the client for a new one. Why no
`dynamic` cookies: their value is a hash of the address, which may change while the pod, and the sessions in it, live
on. HAProxy compares a cookie with those of its servers one after another: one that is none of theirs costs it some
95 us with 1,000 of them, and with five no more than can be measured (3.0.11).

Clients that are known by their addresses have no mark that a frontend could give them. Each falls on a ring of all
nodes, which every frontend makes alike from the nodes' addresses (`hash-key addr-port`): nothing has to be shared, as a
stick table would. The price: a node that joins takes its share of all clients from the others, shares are as uneven as
clients' addresses are, and the node with least to do is not looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pba_api import sidecar
from pba_api.types import SessionAffinity
from pba_operator.domain.frontend.words import CAME_BY_TLS

MARGIN_SECONDS: Final = 1
"""Clients leave a node that goes so long before it is told to stop: the sidecar may hear of its going later than the
node does."""
_BY_TLS_ALONE: Final = "; Secure; SameSite=None"


def algorithm(affinity: SessionAffinity) -> Sequence[str]:
    """Return the lines of the nodes' section by which HAProxy chooses a node for who is not bound."""
    if affinity.type == sidecar.CLIENT_IP:
        return ("balance source", "hash-type consistent")
    return ("balance leastconn",)


def cookie_rules(
    affinity: SessionAffinity, key: str, *, secure: bool = False, proxied: bool = False
) -> Sequence[str]:
    """Return the lines of the nodes' section that bind clients by a cookie; none for another type.

    Args:
        affinity: `spec.frontend.sessionAffinity`.
        key: the nodes' identities are made with it.
        secure: whether clients come by TLS alone. The cookie is then sent to us from other sites' pages, too, as old
            applications' own are; without TLS it has no `SameSite`, as they have not, and browsers decide the same way.
        proxied: whether proxies are believed that say of a client that it came by TLS; it gets its cookie the same way.
    """
    if affinity.type != sidecar.COOKIE:
        return ()
    name = affinity.cookie_name
    flags = " secure attr SameSite=None" if secure else ""
    emptied = f"'^(.*;[[:blank:]]*|){name}=[^;]*(.*)$' '\\1{name}=\\2'"
    attributes = "path=/; HttpOnly" + (_BY_TLS_ALONE if secure else "")
    secured = f"http-after-response replace-header Set-Cookie '^({name}=.*)$' '\\1{_BY_TLS_ALONE}'"
    condition = f"if {{ var({CAME_BY_TLS}) -m bool }}"
    given = f'"{name}=%[srv_name,{sidecar.identity_by_haproxy(key)}]; {attributes}"'
    return (
        "# A client comes back to its node by a cookie that the node never sees. Emptied, it says nothing any more.",
        f"cookie {name} insert indirect nocache httponly{flags}",
        f"http-request set-var(txn.left) req.cook({name}),map({sidecar.LEFT})",
        f"http-request replace-header Cookie {emptied} if {{ var(txn.left) -m found }}",
        "# Where a rule has chosen the node, HAProxy gives no cookie: to it, such a client is bound already. Nor does",
        "# it keep caches that clients share off the answer then (`nocache`).",
        *(
            f"http-after-response add-header {header} "
            f"if {{ var(txn.{rule}) -m found }} {{ srv_name,strcmp(txn.{rule}) eq 0 }}"
            for rule in ("trial", "floor")
            for header in (f"Set-Cookie {given}", "Cache-Control private")
        ),
        *([f"{secured} {condition}"] if proxied and not secure else ()),
    )


def unbound(affinity: SessionAffinity) -> str:
    """Return the further condition on a request that no cookie leads to its own node; empty: none."""
    return f" !{{ req.cook({affinity.cookie_name}) -m found }}" if affinity.type == sidecar.COOKIE else ""


def trial_condition(affinity: SessionAffinity) -> str:
    """Return the further condition on a request that a node on trial may get; empty: none.

    Who is known by his address has no session yet if he sends no cookie at all.
    """
    return " !{ req.fhdr(Cookie) -m found }" if affinity.type == sidecar.CLIENT_IP else unbound(affinity)


def environment(
    affinity: SessionAffinity, backends_seconds: int, management_seconds: int, key: str
) -> dict[str, str]:
    """Return the variables by which the sidecar learns of it.

    Args:
        affinity: `spec.frontend.sessionAffinity`.
        backends_seconds: how long a backend node that goes serves before it is told to stop.
        management_seconds: the same of the management node.
        key: the nodes' identities are made with it.
    """

    def kept(seconds: int) -> str:
        return str(max(0, seconds - MARGIN_SECONDS) if affinity.type != sidecar.NO_AFFINITY else 0)

    return {
        sidecar.ENV_AFFINITY: affinity.type,
        sidecar.ENV_IDENTITY_KEY: key,
        sidecar.ENV_KEEP_SECONDS: kept(backends_seconds),
        sidecar.ENV_MANAGEMENT_KEEP_SECONDS: kept(management_seconds),
        sidecar.ENV_LEAVE_SLOW_MILLISECONDS: str(affinity.leave_slow_node_after_milliseconds),
    }
