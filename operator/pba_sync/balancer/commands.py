"""The commands of HAProxy's runtime API that we use: their text, and the answers that mean yes.

What must stay true: nothing that comes from outside reaches a command unchecked (names and addresses are
checked in `membership`; here they are checked once more, because a space or a semicolon would start another
argument or command).

Source: HAProxy 3.0's management guide, 9.3; the answers were seen on 3.0.11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pba_api.sidecar import ANSWERS, FAILURES, FLAGS, HAPROXY_BACKEND, HAPROXY_FRONTEND, LEFT, TRIAL, TRIALS
from pba_sync.balancer.affinity import NO_AFFINITY, Affinity

CHECK: Final = "check inter 1s fastinter 300ms downinter 500ms fall 3 rise 2"
"""Checks of a server: dynamic servers do not inherit `default-server` before HAProxy 3.5."""

FULL_WEIGHT: Final = 128
"""Of a server like others; HAProxy's go from 0 to 256. One that is added has it, in case nobody comes to weigh it."""

RING_WEIGHT: Final = 16
"""The same where clients are bound by their addresses. HAProxy gives a server 16 places on its ring for each unit.
With 256 the largest of 11 shares is 9 % more than the mean (computed: the median of 20 rings), with 2,048 it is 3 %.
But then 1,000 servers take 100 MiB of HAProxy's instead of 16, and some ten times as long to be added (3.0.11)."""

REMOVABLE_MILLISECONDS: Final = 100
"""How long to wait for HAProxy's threads to let go of a server; what takes longer is tried again."""

_SAFE = re.compile(r"[A-Za-z0-9.:_-]+")


def _checked(word: str) -> str:
    if not _SAFE.fullmatch(word):
        raise ValueError(f"not a word for HAProxy's command line: {word!r}")
    return word


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its verb (for metrics), its whole text, and the answer that means yes."""

    verb: str
    text: str
    expected: str = ""


def _server(name: str) -> str:
    return f"{HAPROXY_BACKEND}/{_checked(name)}"


def add_server(name: str, address: str, port: int, affinity: Affinity = NO_AFFINITY) -> Command:
    """Register a server; it starts in maintenance, with its checks off; `affinity` binds clients to it."""
    family = "ipv6" if ":" in address else "ipv4"
    where = f"{family}@{_checked(address)}:{port:d}"
    share = f"weight {FULL_WEIGHT}"
    if affinity.by_cookie:
        share += f" cookie {_checked(affinity.cookie(name))}"
    if affinity.by_address:
        share = f"weight {RING_WEIGHT} hash-key addr-port"
    return Command(
        "add server", f"add server {_server(name)} {where} {CHECK} {share}", "New server registered."
    )


def enable_health(name: str) -> Command:
    """Switch the server's checks on."""
    return Command("enable health", f"enable health {_server(name)}")


def set_ready(name: str) -> Command:
    """Put the server into rotation."""
    return Command("set ready", f"set server {_server(name)} state ready")


def set_healthy(name: str) -> Command:
    """Count the server as healthy until its checks say otherwise: Kubernetes has just found it ready."""
    return Command("set healthy", f"set server {_server(name)} health up")


def set_drain(name: str) -> Command:
    """Send no new request to the server."""
    return Command("set drain", f"set server {_server(name)} state drain")


def set_maintenance(name: str) -> Command:
    """Take the server out of everything; only then it can be deleted. Requests that run go on."""
    return Command("set maint", f"set server {_server(name)} state maint")


def set_weight(name: str, weight: int) -> Command:
    """Send the server this share of the requests, in proportion to the others' weights; 0: no new ones."""
    return Command("set weight", f"set server {_server(name)} weight {weight:d}")


def give_trial(name: str) -> Command:
    """Send the server the next GET or HEAD, whatever its weight."""
    return Command("add map", f"add map {TRIALS} {TRIAL} {_checked(name)}")


def leave(identity: str, name: str) -> Command:
    """Send the clients that are bound to the server to others."""
    return Command("add map", f"add map {LEFT} {_checked(identity)} {_checked(name)}")


def stay(identity: str) -> Command:
    """Send clients that come with this identity to its server (again)."""
    return Command("del map", f"del map {LEFT} {_checked(identity)}")


def shutdown_sessions(name: str) -> Command:
    """End the requests that still run on the server."""
    return Command("shutdown sessions", f"shutdown sessions server {_server(name)}")


def wait_removable(name: str) -> Command:
    """Wait until HAProxy's threads hold the server no more: without it, deletion fails under load."""
    return Command("wait", f"wait {REMOVABLE_MILLISECONDS}ms srv-removable {_server(name)}", "Done.")


def delete_server(name: str) -> Command:
    """Delete the server."""
    return Command("del server", f"del server {_server(name)}", "Server deleted.")


def raise_flag(flag: str) -> Command:
    """Raise one of the flags that the configuration reads."""
    return Command("add acl", f"add acl {FLAGS} {_checked(flag)}")


SHOW_SERVERS: Final = Command("show servers state", f"show servers state {HAPROXY_BACKEND}")
SHOW_CONNECTIONS: Final = Command("show servers conn", f"show servers conn {HAPROXY_BACKEND}")
SHOW_INFO: Final = Command("show info", "show info")
SHOW_CLIENTS: Final = Command("show stat", f"show stat {HAPROXY_FRONTEND} 1 -1")
"""The counters of the clients' frontend alone (1: frontends): its sessions are the clients' connections."""
SHOW_REQUESTS: Final = Command("show stat", f"show stat {HAPROXY_BACKEND} 2 -1")
"""The counters of the nodes' backend as a whole (2: backends): its sessions are the requests that run."""
SHOW_FLAGS: Final = Command("show acl", f"show acl {FLAGS}")
SHOW_ANSWERS: Final = Command("show events", f"show events {ANSWERS}")
SHOW_TRIALS: Final = Command("show map", f"show map {TRIALS}")
SHOW_LEFT: Final = Command("show map", f"show map {LEFT}")
TAKE_TRIALS_BACK: Final = Command("clear map", f"clear map {TRIALS}")
FOLLOW_FAILURES: Final = Command("show events", f"show events {FAILURES} -w -n")
"""Is answered for ever: a line for each request that does not end well, as soon as it has ended."""
