"""How long the frontend waits for whom, and therefore how long one that goes waits for its clients: pure.

What must stay true: a frontend that goes waits for longer than any of its clients may be silent, or wait for a node,
so that each has been asked to leave after a response. HAProxy itself (`hard-stop-after`), the preStop hook and the
pod's grace period all follow from that.

HAProxy 3.0's configuration manual: a check connects within the shorter of `timeout connect` and the interval, and then
waits for `timeout check`.
"""

from __future__ import annotations

from typing import Final

from pba_api.types import Checks, Frontend, Timeouts

_REQUEST_SECONDS: Final = 10
"""A client that sends the head of a request by and by must be done with it in so long; the same for its body, and for
the handshake of TLS, or PROXY's header before it."""
_MARGIN_SECONDS: Final = 25
"""What a frontend that goes waits for beyond the longest silence, and the time in which all hear of its end: it accepts
connections for ten seconds more, and keeps them a bit longer than a client may be silent."""
_KEPT_SECONDS: Final = 15
"""By how much longer than that, at most, a connection is kept between two requests."""


def client_drain_seconds(frontend: Frontend) -> int:
    """Return for how long a frontend that goes waits for its clients at most.

    A request may wait for a place at a node, and then for its answer. What is asked of a second node after a whole
    `serverSeconds` at the first is not waited for.
    """
    timeouts = frontend.timeouts
    of_paths = (limits.server_seconds or 0 for limits in frontend.paths)
    answered = timeouts.queue_seconds + max(timeouts.server_seconds, *of_paths, 0)
    return timeouts.leave_seconds + max(timeouts.client_seconds, answered) + _MARGIN_SECONDS


def _kept_milliseconds(client_seconds: int) -> int:
    """Return how long a client's connection is kept between two requests: a bit longer than a client may be silent.

    A proxy in front that is told the same, or has 60 s as ingress-nginx has by itself, closes it first. Where we do,
    what it sends just then is lost.
    """
    return min(client_seconds * 1250, (client_seconds + _KEPT_SECONDS) * 1000)


def request_seconds(timeouts: Timeouts) -> int:
    """Return how long a client may take for the head of a request, and for what of its body is waited for."""
    return min(_REQUEST_SECONDS, timeouts.client_seconds)


def limits(timeouts: Timeouts) -> list[str]:
    """Return the time limits of all sections."""
    client = timeouts.client_seconds
    return [
        f"timeout connect {timeouts.connect_milliseconds}ms",
        f"timeout client {client}s",
        "timeout client-fin 10s",
        f"timeout client-hs {request_seconds(timeouts)}s",
        f"timeout http-request {request_seconds(timeouts)}s",
        f"timeout http-keep-alive {_kept_milliseconds(client)}ms",
        f"timeout queue {timeouts.queue_seconds}s",
        f"timeout server {timeouts.server_seconds}s",
        "timeout tunnel 1h",
    ]


def check(checks: Checks) -> str:
    """Return how long a node may take to answer a check."""
    return f"timeout check {checks.timeout_milliseconds}ms"
