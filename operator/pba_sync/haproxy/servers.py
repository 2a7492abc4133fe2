"""HAProxy's own state, read from its answers: pure, and strict.

What must stay true: the sidecar remembers nothing that HAProxy can tell, so that a restarted sidecar or a
restarted (empty) HAProxy is made whole again. An answer of another shape is an error, never a guess.

Source: HAProxy 3.0's management guide, `show servers state` and `show servers conn`; `SRV_ADMF_*` and
`CHK_ST_*` of its sources for the two bit fields.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from operator import itemgetter

from pba_sync.haproxy.errors import AnswerMalformedError

_STATE_VERSION = "1"
_STATE_FIELDS = (
    *("srv_name", "srv_addr", "srv_port", "srv_admin_state", "srv_check_state", "srv_op_state"),
    *("srv_uweight", "srv_check_status"),
)
_CONNECTION_FIELDS = ("bkname/svname", "bkid/svid", "used_cur")
_ANSWERING = re.compile(r"0x[0-9a-f]+: key=(\d+) .*\bconn_cur=(\d+)")
_MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20 | 0x40
_DRAIN = 0x08 | 0x10
_CHECK_ENABLED = 0x04
_DOWN = 0
_NOT_ASKED = 2
"""The greatest of the results that are none yet (`HCHK_STATUS_INI`, `HCHK_STATUS_START`)."""
_TIMED_OUT, _REFUSED = 7, 8
"""Results of a check: the connection took too long, or was refused (`HCHK_STATUS_L4TOUT`, `HCHK_STATUS_L4CON`)."""


class Admin(Enum):
    """What HAProxy was told to do with a server."""

    READY = "ready"
    DRAIN = "drain"
    MAINT = "maint"


class Connects(Enum):
    """Whether a server's last check got a connection, whatever came of it then."""

    YES = "yes"
    LATE = "late"
    """It took too long: nobody is there, or the server is too busy."""
    NO = "no"


@dataclass(frozen=True, slots=True)
class Server:
    """A server in HAProxy: where it points, what HAProxy was told, and what its checks found."""

    name: str
    address: str
    port: int
    admin: Admin
    checked: bool
    up: bool
    in_use: int = 0
    """How many connections to it carry a request, if they were counted."""
    weight: int = 1
    connects: Connects = Connects.YES
    asked: bool = True
    """Whether a check of it has ended: until then HAProxy takes one for well that was put into rotation."""

    @property
    def usable(self) -> bool:
        """Tell whether HAProxy sends requests to it."""
        return self.admin is Admin.READY and self.up


def _rows(answer: str, header_at: int, fields: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield these fields of each row, found by the names in the header."""
    lines = [line for line in answer.splitlines() if line.strip()]
    if len(lines) <= header_at or not lines[header_at].startswith("# "):
        raise AnswerMalformedError(f"no header in HAProxy's answer: {answer[:80]!r}")
    header = lines[header_at][2:].split(" ")
    pick = itemgetter(*(header.index(field) for field in fields))
    for line in lines[header_at + 1 :]:
        yield pick(line.split(" "))


def _admin(bits: int) -> Admin:
    if bits & _MAINTENANCE:
        return Admin.MAINT
    return Admin.DRAIN if bits & _DRAIN else Admin.READY


def _connects(result: int) -> Connects:
    return {_TIMED_OUT: Connects.LATE, _REFUSED: Connects.NO}.get(result, Connects.YES)


@functools.lru_cache(maxsize=4096)
def _canonical(address: str) -> str:
    """Return an address as we write it; the same ones come at each look."""
    return str(ipaddress.ip_address(address))


def _malformed(error: Exception) -> AnswerMalformedError:
    return AnswerMalformedError(f"a field of HAProxy's servers is missing or no number: {error!r}")


def read_servers(state: str) -> dict[str, Server]:
    """Return the servers by name from HAProxy's answer to `show servers state BACKEND`.

    Raises:
        AnswerMalformedError: the answer has another shape.
    """
    if state.partition("\n")[0].strip() != _STATE_VERSION:
        raise AnswerMalformedError(f"`show servers state` of an unknown version: {state[:80]!r}")
    try:
        return {
            name: Server(
                name=name,
                address=_canonical(address),
                port=int(port),
                admin=_admin(int(admin)),
                checked=bool(int(check) & _CHECK_ENABLED),
                up=int(operational) != _DOWN,
                weight=int(weight),
                connects=_connects(int(result)),
                asked=int(result) > _NOT_ASKED,
            )
            for name, address, port, admin, check, operational, weight, result in _rows(
                state, 1, _STATE_FIELDS
            )
        }
    except (IndexError, ValueError) as error:
        raise _malformed(error) from error


def _read_connections(connections: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each server, its number, and how many requests it has."""
    try:
        for name, number, count in _rows(connections, 0, _CONNECTION_FIELDS):
            yield name.partition("/")[2], int(number.partition("/")[2]), int(count)
    except (IndexError, ValueError) as error:
        raise _malformed(error) from error


def read_unanswered(connections: str, answering: str) -> dict[str, int]:
    """Return how many requests each server has whose answers have not begun.

    Args:
        connections: HAProxy's answer to `show servers conn BACKEND`.
        answering: to `show table` of the requests whose answers have; asked before, so that none is taken for one.

    Raises:
        AnswerMalformedError: an answer has another shape.
    """
    header, *rows = answering.strip().split("\n")
    found = [_ANSWERING.match(row) for row in rows]
    if not header.startswith("# table: ") or None in found:
        raise AnswerMalformedError(f"no table of requests by server: {answering[:80]!r}")
    begun = {int(row[1]): int(row[2]) for row in found if row}
    return {
        name: max(0, count - begun.get(number, 0)) for name, number, count in _read_connections(connections)
    }


def count_connections(servers: Mapping[str, Server], connections: str) -> dict[str, Server]:
    """Return the servers with what they carry.

    Raises:
        AnswerMalformedError: the answer has another shape.
    """
    used = {name: count for name, _number, count in _read_connections(connections)}
    return {name: replace(server, in_use=used.get(name, 0)) for name, server in servers.items()}
