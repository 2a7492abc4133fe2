"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Default, Doc, Items, Number, Required, Text
from pba_api.types.common import Image, LocalReference, Network, PodSettings


@dataclass(frozen=True)
class Access:
    """Who may come in, by the client's address."""

    allow_cidrs: Annotated[
        tuple[Network, ...],
        Doc("The networks (CIDR, of IPv4 or IPv6; ::/0 is both) whose clients may come in; empty: all may."),
        Items(1000, unique=True),
    ]
    deny_cidrs: Annotated[
        tuple[Network, ...],
        Doc("The networks (CIDR) whose clients are answered with 403, also if they are in allowCIDRs."),
        Items(1000, unique=True),
    ]


@dataclass(frozen=True)
class ErrorPages:
    """Pages of the user's for what the frontends answer by themselves."""

    config_map_ref: Annotated[
        LocalReference,
        Doc(
            "The ConfigMap with the pages, at most 14,336 bytes each: 503.html (no node can answer), maintenance.html, "
            "403, 413, 429, 500, 502 and 504.html. For what is not there, or cannot be shown, the frontends have pages "
            "of their own."
        ),
        Required(),
    ]


@dataclass(frozen=True)
class Frontend:
    """The frontend nodes: HAProxy and the sync sidecar."""

    image: Annotated[
        Image, Doc("HAProxy's container image, 3.0 or newer, such as haproxy:3.0.11."), Required()
    ]
    replicas: Annotated[int, Doc("How many frontend nodes run."), Default(2), Number(1, 100)]
    trusted_proxy_cidrs: Annotated[
        tuple[Network, ...],
        Doc(
            "The networks (CIDR) of the proxies and load balancers before the frontend nodes. What they say in "
            "X-Forwarded-For, -Proto, -Host and X-Request-Id is believed, and the client is the last address in "
            "X-Forwarded-For that is not one of theirs; what anybody else says there is removed."
        ),
        Items(100, unique=True),
    ]
    proxy_protocol: Annotated[
        str,
        Doc(
            "Accept: connections begin with a header of the PROXY protocol (version 1 or 2) that tells the client's "
            "address: those from trustedProxyCIDRs, or all where there are none of these; one without it is refused."
        ),
        Default("None"),
        Text(one_of=("None", "Accept")),
    ]
    access: Annotated[Access, Doc("Who may come in, by the client's address."), Default({})]
    maintenance: Annotated[
        bool,
        Doc(
            "True: every request is answered with the maintenance page (503), and no node gets one. The frontends are "
            "rolled for it; when it ends, the page stays until a node can serve."
        ),
        Default(value=False),
    ]
    error_pages: Annotated[
        ErrorPages | None,
        Doc("Pages of your own for what the frontends answer by themselves; absent: theirs."),
    ]
    compression: Annotated[
        bool,
        Doc(
            "True: responses of text types are compressed (gzip) for clients that can read it. Not for an application "
            "that shows a secret beside what the request said: the length tells of it (BREACH)."
        ),
        Default(value=False),
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the frontend nodes."), Default({})]
