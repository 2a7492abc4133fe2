"""What the frontend does with a request: time limits, retries, checks of the nodes, limits by path and client."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.markers import Default, Doc, Number, Required, Rule, Text


@dataclass(frozen=True)
class Timeouts:
    """How long the frontend waits for whom."""

    connect_milliseconds: Annotated[
        int,
        Doc("How long a node may take to accept a connection before another one is tried."),
        Default(500),
        Number(10, 60_000),
    ]
    client_seconds: Annotated[
        int,
        Doc(
            "How long a client may be silent, between two requests or within one. Between two requests its connection "
            "is kept a quarter longer (15 s at most): a proxy in front should keep it no longer than this. A frontend "
            "that is to end waits for its clients for longer than both."
        ),
        Default(60),
        Number(1, 3600),
    ]
    server_seconds: Annotated[
        int,
        Doc(
            "How long a node may be silent, before its answer or within it; then the client gets a 504. A frontend "
            "that is to end waits for longer than this."
        ),
        Default(60),
        Number(1, 3600),
    ]
    queue_seconds: Annotated[
        int,
        Doc("How long a request waits for a node that may take it; then its client gets a 503."),
        Default(5),
        Number(1, 600),
    ]
    leave_seconds: Annotated[
        int,
        Doc(
            "How long a frontend that is to end goes on accepting connections at least, whether a client is connected "
            "or not: by then whatever leads clients to it must have heard of its end. A Service of Kubernetes hears "
            "within 5 s; a load balancer that finds out by health checks needs the failures that it waits for, times "
            "their interval. Ten seconds later the frontend accepts none, and clients of HTTP/2 are told to leave."
        ),
        Default(5),
        Number(5, 600),
    ]


@dataclass(frozen=True)
class Checks:
    """How the frontend finds dead nodes: it asks each for the path of the application's readiness probe."""

    interval_milliseconds: Annotated[
        int,
        Doc(
            "From one check of a node to the next; half of it while the node passes from up to down, or back."
        ),
        Default(500),
        Number(100, 60_000),
    ]
    timeout_milliseconds: Annotated[
        int,
        Doc("How long a node may take to answer a check, once it has accepted the connection."),
        Default(2000),
        Number(10, 60_000),
    ]
    fall: Annotated[
        int,
        Doc("So many checks in a row must fail until a node gets no more requests."),
        Default(2),
        Number(1, 100),
    ]
    rise: Annotated[
        int,
        Doc("So many checks in a row must succeed until it gets requests again."),
        Default(2),
        Number(1, 100),
    ]


@dataclass(frozen=True)
class Retries:
    """Requests that are sent to a second node."""

    attempts: Annotated[
        int,
        Doc(
            "How often a request is tried again at most: always if no node has got it; if one may have got it, only a "
            "GET, HEAD or OPTIONS, while the budget lasts."
        ),
        Default(3),
        Number(1, 10),
    ]
    budget_percent: Annotated[
        int,
        Doc(
            "While more than this share of the requests of the last ten seconds (and ten in each second besides) were "
            "retries, what a node may have got is not tried again. 0: never. (What a node on trial fails is asked of "
            "another one all the same.)"
        ),
        Default(20),
        Number(0, 100),
    ]


_SEGMENT = r"[A-Za-z0-9._~!$&'()*+,=:@-]+"


@dataclass(frozen=True)
class PathLimits:
    """Limits of requests whose path begins so."""

    RULES: ClassVar = (
        Rule(
            "has(self.serverSeconds) || has(self.bodyMaxSize)",
            "an entry of frontend.paths must limit something: set serverSeconds or bodyMaxSize, or remove the entry",
        ),
    )

    prefix: Annotated[
        str,
        Doc(
            "Whole segments of the path, written as the application understands them (decoded): /report is /report and "
            "/report/2026, not /reports. Of several that fit the longest counts, alone."
        ),
        Required(),
        Text(min_length=1, max_length=256, pattern=rf"^/({_SEGMENT}(/{_SEGMENT})*)?$"),
        Rule(
            r"!self.matches('/[.][.]?(/|$)')",
            "prefix must not have . or .. as a segment: write the path that they lead to",
        ),
    ]
    server_seconds: Annotated[
        int | None,
        Doc("How long a node may be silent; absent: timeouts.serverSeconds."),
        Number(1, 3600),
    ]
    body_max_size: Annotated[
        str,
        Doc(
            "How big a request's body may be, such as 10Mi; what is bigger is answered with 413, and a body whose "
            "length the client does not tell beforehand with 411. Absent: any size."
        ),
        Text(max_length=32),
        Rule(
            "self == '' || (isQuantity(self) && quantity(self).isGreaterThan(quantity('0')) && "
            "quantity(self).isLessThan(quantity('1Pi')))",
            "bodyMaxSize must be a positive quantity of less than 1Pi, such as 10Mi",
        ),
    ]


@dataclass(frozen=True)
class Limits:
    """How much may be asked at a time."""

    requests_per_node: Annotated[
        int,
        Doc(
            "How many requests run on one node at a time, over all frontends: each of them has an equal share. What is "
            "more waits for timeouts.queueSeconds, then its client gets a 503. A connection that is held open "
            "(WebSocket, long polling) is a request as well."
        ),
        Default(100),
        Number(1, 10_000),
    ]
    requests_per_client: Annotated[
        int,
        Doc(
            "How many requests of one client (an IPv4 address, or a network of 64 bits of IPv6) each frontend has "
            "under way at a time, those that wait for a node among them; what is more is answered with 429. A "
            "connection that is held open (WebSocket, long polling) is a request as well. 0: any number."
        ),
        Default(0),
        Number(0, 10_000),
    ]
    requests_per_client_per_second: Annotated[
        int,
        Doc(
            "How many requests of one client (an IPv4 address, or a network of 64 bits of IPv6) are let through in a "
            "second, over all frontends; what is more is answered with 429. 0: any number."
        ),
        Default(0),
        Number(0, 1_000_000),
    ]
