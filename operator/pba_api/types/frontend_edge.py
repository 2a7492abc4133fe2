"""Who may come in, and what the frontends answer by themselves."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Doc, Items, Required
from pba_api.types.common import LocalReference, Network


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
