"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Default, Doc, Items, Number, Required, Text
from pba_api.types.common import Image, Network, PodSettings


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
    pod: Annotated[PodSettings, Doc("Placement and size of the frontend nodes."), Default({})]
