"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Default, Doc, Number, Required
from pba_api.types.common import Image, PodSettings
from pba_api.types.frontend_affinity import SessionAffinity
from pba_api.types.frontend_balancing import Balancing
from pba_api.types.frontend_traffic import Checks, Timeouts


@dataclass(frozen=True)
class Frontend:
    """The frontend nodes: HAProxy and the sync sidecar."""

    image: Annotated[
        Image, Doc("HAProxy's container image, 3.0 or newer, such as haproxy:3.0.11."), Required()
    ]
    replicas: Annotated[int, Doc("How many frontend nodes run."), Default(2), Number(1, 100)]
    balancing: Annotated[
        Balancing, Doc("How slow and failing nodes are told, and how nodes come in."), Default({})
    ]
    checks: Annotated[Checks, Doc("How dead nodes are found."), Default({})]
    timeouts: Annotated[Timeouts, Doc("How long the frontend waits for whom."), Default({})]
    session_affinity: Annotated[
        SessionAffinity, Doc("Whether the requests of one client go to one node."), Default({})
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the frontend nodes."), Default({})]
