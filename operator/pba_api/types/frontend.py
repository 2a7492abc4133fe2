"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Default, Doc, Number, Required
from pba_api.types.common import Image, PodSettings
from pba_api.types.frontend_tls import FrontendTLS


@dataclass(frozen=True)
class Frontend:
    """The frontend nodes: HAProxy and the sync sidecar."""

    image: Annotated[
        Image, Doc("HAProxy's container image, 3.0 or newer, such as haproxy:3.0.11."), Required()
    ]
    replicas: Annotated[int, Doc("How many frontend nodes run."), Default(2), Number(1, 100)]
    tls: Annotated[
        FrontendTLS | None,
        Doc("TLS for clients, at the Service's port 443; absent: they are served without, at port 80 alone."),
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the frontend nodes."), Default({})]
