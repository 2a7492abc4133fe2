"""The commands of HAProxy's runtime API that we use: their text, and the answers that mean yes.

What must stay true: nothing that comes from outside reaches a command unchecked (names and addresses are
checked in `membership`; here they are checked once more, because a space or a semicolon would start another
argument or command).

Source: HAProxy 3.0's management guide, 9.3; the answers were seen on 3.0.11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pba_api.sidecar import (
    ANSWERS,
    FAILURES,
    FLAGS,
    FLOOR,
    FLOOR_SIZE,
    HAPROXY_BACKEND,
    HAPROXY_FRONTEND,
    LEFT,
    NODES,
    OTHERS,
    OTHERS_CHECK_MILLISECONDS,
    TABLE_ANSWERING,
    TABLE_CLIENTS,
    TABLE_ELSEWHERE,
    TABLE_FORESEEN,
    TABLE_RETRIES,
    TRIAL,
    TRIALS,
)
from pba_sync.haproxy.affinity import NO_AFFINITY, Affinity

FULL_WEIGHT: Final = 128
"""Of a server like others; HAProxy's go from 0 to 256."""

RING_WEIGHT: Final = 16
"""The same where clients are bound by their addresses. HAProxy gives a server 16 places on its ring for each unit.
With 256 the largest of 11 shares is 9 % more than the mean (computed: the median of 20 rings), with 2,048 it is 3 %.
But then 1,000 servers take 100 MiB of HAProxy's instead of 16, and some ten times as long to be added (3.0.11)."""

STEPS: Final = 8
"""In so many steps a node rises to its full weight. It joins others with the first: `leastconn` gives a server that has
nothing to do every request until it has its part, and at its full weight that is as many as the others have."""

REMOVABLE_MILLISECONDS: Final = 100
"""How long to wait for HAProxy's threads to let go of a server; what takes longer is tried again."""

_SAFE = re.compile(r"[A-Za-z0-9.:_-]+")


def checked(word: str) -> str:
    """Return a word that is nothing but one; any other is a fault of ours (ValueError)."""
    if not _SAFE.fullmatch(word):
        raise ValueError(f"not a word for HAProxy's command line: {word!r}")
    return word


@dataclass(frozen=True, slots=True)
class Check:
    """How servers are checked: dynamic ones do not inherit `default-server` before HAProxy 3.5."""

    interval_milliseconds: int
    fall: int
    rise: int

    def words(self) -> str:
        """Return the options of a server; while its state is in doubt, it is asked twice as often."""
        interval = self.interval_milliseconds
        return f"check inter {interval:d}ms fastinter {max(1, interval // 2):d}ms fall {self.fall:d} rise {self.rise:d}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its verb (for metrics), its whole text, and the answer that means yes.

    `ending`: in place of `expected`, how an answer ends that means yes; what stands before it differs.
    `hidden`: how it is told of in place of its text, which holds a secret.
    """

    verb: str
    text: str
    expected: str = ""
    ending: str = ""
    hidden: str = ""

    @property
    def told(self) -> str:
        """How it is told of, in a log."""
        return self.hidden or self.text

    def is_yes(self, answer: str) -> bool:
        """Tell whether HAProxy has done what it was told."""
        return answer.endswith(self.ending) if self.ending else answer == self.expected


def _server(name: str, backend: str = HAPROXY_BACKEND) -> str:
    return f"{backend}/{checked(name)}"


def _location(address: str, port: int) -> str:
    """Return where a server listens, in HAProxy's words."""
    return f"{'ipv6' if ':' in address else 'ipv4'}@{checked(address)}:{port:d}"


def add_server(
    name: str,
    address: str,
    port: int,
    check: Check,
    requests: int,
    weight: int,
    affinity: Affinity = NO_AFFINITY,
) -> Command:
    """Register a server; it starts in maintenance, with its checks off.

    Args:
        name: of the server.
        address: where it listens.
        port: where it listens.
        check: how it is checked.
        requests: so many run on it at a time.
        weight: its share of the requests, in proportion to the others' weights.
        affinity: how clients are bound to it.
    """
    share = f"weight {weight:d} maxconn {requests:d}"
    if affinity.by_cookie:
        share += f" cookie {checked(affinity.cookie(name))}"
    if affinity.by_address:
        share += " hash-key addr-port"
    return _added(f"{_server(name)} {_location(address, port)} {check.words()} {share}")


def add_other(name: str, address: str, port: int) -> Command:
    """Register another frontend, in maintenance; HAProxy is to ask it whether it can serve.

    Who does not say at once that it can serve, cannot. The kubelet takes two seconds to find this frontend unready, so
    that two that lose their nodes at the same moment have heard of each other before.
    """
    check = f"check inter {OTHERS_CHECK_MILLISECONDS}ms fall 1 rise 2"
    return _added(f"{_server(name, OTHERS)} {_location(address, port)} {check}")


def _added(server: str) -> Command:
    return Command("add server", f"add server {server}", "New server registered.")


def full_weight(affinity: Affinity) -> int:
    """Return the weight of a server like others."""
    return RING_WEIGHT if affinity.by_address else FULL_WEIGHT


def enable_health(name: str, backend: str = HAPROXY_BACKEND) -> Command:
    """Switch the server's checks on."""
    return Command("enable health", f"enable health {_server(name, backend)}")


def set_ready(name: str, backend: str = HAPROXY_BACKEND) -> Command:
    """Put the server into rotation."""
    return Command("set ready", f"set server {_server(name, backend)} state ready")


def set_healthy(name: str) -> Command:
    """Count the server as healthy until its checks say otherwise: Kubernetes has just found it ready."""
    return Command("set healthy", f"set server {_server(name)} health up")


def set_unhealthy(name: str, backend: str = HAPROXY_BACKEND) -> Command:
    """Count the server as unable to serve until its checks say otherwise."""
    return Command("set unhealthy", f"set server {_server(name, backend)} health down")


def set_drain(name: str, backend: str = HAPROXY_BACKEND) -> Command:
    """Send no new request to the server."""
    return Command("set drain", f"set server {_server(name, backend)} state drain")


def set_maintenance(name: str, backend: str = HAPROXY_BACKEND) -> Command:
    """Take the server out of everything; only then it can be deleted. Requests that run go on."""
    return Command("set maint", f"set server {_server(name, backend)} state maint")


def set_weight(name: str, weight: int) -> Command:
    """Send the server this share of the requests, in proportion to the others' weights; 0: no new ones."""
    return Command("set weight", f"set server {_server(name)} weight {weight:d}")


def set_limit(name: str, requests: int) -> Command:
    """Send the server no more than so many requests at a time; what runs goes on."""
    return Command("set maxconn", f"set maxconn server {_server(name)} {requests:d}")


def give_trial(name: str) -> Command:
    """Send the server the next GET or HEAD, whatever its weight."""
    return Command("add map", f"add map {TRIALS} {TRIAL} {checked(name)}")


def leave(identity: str, name: str) -> Command:
    """Send the clients that are bound to the server to others."""
    return Command("add map", f"add map {LEFT} {checked(identity)} {checked(name)}")


def stay(identity: str) -> Command:
    """Send clients that come with this identity to its server (again)."""
    return Command("del map", f"del map {LEFT} {checked(identity)}")


def shutdown_sessions(name: str) -> Command:
    """End the requests that still run on the server."""
    return Command("shutdown sessions", f"shutdown sessions server {_server(name)}")


def wait_removable(name: str, backend: str = HAPROXY_BACKEND) -> Command:
    """Wait until HAProxy's threads hold the server no more: without it, deletion fails under load."""
    return Command("wait", f"wait {REMOVABLE_MILLISECONDS}ms srv-removable {_server(name, backend)}", "Done.")


def delete_server(name: str, backend: str = HAPROXY_BACKEND) -> Command:
    """Delete the server."""
    return Command("del server", f"del server {_server(name, backend)}", "Server deleted.")


def put_on_floor(place: int, name: str) -> Command:
    """Have HAProxy know a node that shall serve, by its place."""
    return Command("add map", f"add map {FLOOR} {place:d} {checked(name)}")


def move_on_floor(place: int, name: str) -> Command:
    """Have another node at a place."""
    return Command("set map", f"set map {FLOOR} {place:d} {checked(name)}")


def take_from_floor(place: int) -> Command:
    """Give up a place."""
    return Command("del map", f"del map {FLOOR} {place:d}")


def size_floor(known: int | None, count: int) -> Command:
    """Have HAProxy know how many places there are; it has known `known`."""
    verb = "add map" if known is None else "set map"
    return Command(verb, f"{verb} {FLOOR_SIZE} {NODES} {count:d}")


def raise_flag(flag: str) -> Command:
    """Raise one of the flags that the configuration reads."""
    return Command("add acl", f"add acl {FLAGS} {checked(flag)}")


def show_clients(above: int) -> Command:
    """Show what clients ask for of whom there are more than so many requests in a second."""
    return Command("show table", f"show table {TABLE_CLIENTS} data.http_req_rate gt {above:d}")


def tell_elsewhere(rates: Mapping[str, int]) -> Command:
    """Have HAProxy know what clients ask other frontends for; it holds this for a second, then it fades within another.

    Args:
        rates: requests in a second, by client; at most `CLIENTS_AT_ONCE`.
    """
    each = (
        f"set table {TABLE_ELSEWHERE} key {checked(client)} data.http_req_rate {rate:d}"
        for client, rate in rates.items()
    )
    return Command("set table", ";".join(each))


def foresee(retries: int) -> Command:
    """Have HAProxy know how many retries are to come; it holds this for two seconds, then it fades within two more."""
    return Command("set table", f"set table {TABLE_FORESEEN} key 0 data.http_req_rate {retries:d}")


CLIENTS_AT_ONCE: Final = 100
"""The commands for so many fit one line, which HAProxy takes up to the size of a buffer (16 KiB)."""

SHUT_FRONTEND: Final = Command("shutdown frontend", f"shutdown frontend {HAPROXY_FRONTEND}")
"""Accept no more clients; those of HTTP/2 are told to leave. It cannot be taken back in this life of HAProxy."""
SHOW_SERVERS: Final = Command("show servers state", f"show servers state {HAPROXY_BACKEND}")
SHOW_OTHERS: Final = Command("show servers state", f"show servers state {OTHERS}")
SHOW_CONNECTIONS: Final = Command("show servers conn", f"show servers conn {HAPROXY_BACKEND}")
SHOW_ANSWERING: Final = Command("show table", f"show table {TABLE_ANSWERING}")
SHOW_INFO: Final = Command("show info", "show info")
SHOW_CLIENTS: Final = Command("show stat", f"show stat {HAPROXY_FRONTEND} 1 -1")
"""The counters of the clients' frontend alone (1: frontends): its sessions are the clients' connections."""
SHOW_EACH: Final = Command("show stat", f"show stat {HAPROXY_BACKEND} 4 -1")
"""The counters of each of the nodes (4: servers)."""
SHOW_RETRIES: Final = Command("show table", f"show table {TABLE_RETRIES}")
SHOW_FLAGS: Final = Command("show acl", f"show acl {FLAGS}")
SHOW_ANSWERS: Final = Command("show events", f"show events {ANSWERS}")
SHOW_FLOOR: Final = Command("show map", f"show map {FLOOR}")
SHOW_FLOOR_SIZE: Final = Command("show map", f"show map {FLOOR_SIZE}")
SHOW_TRIALS: Final = Command("show map", f"show map {TRIALS}")
SHOW_LEFT: Final = Command("show map", f"show map {LEFT}")
TAKE_TRIALS_BACK: Final = Command("clear map", f"clear map {TRIALS}")
FOLLOW_FAILURES: Final = Command("show events", f"show events {FAILURES} -w -n")
"""Is answered for ever: a line for each request that does not end well, as soon as it has ended."""
