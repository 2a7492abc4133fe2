"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated, Final

from pba_api.markers import Default, Doc, Number, Required, Text
from pba_api.types.common import Image, PodSettings
from pba_api.types.frontend_affinity import SessionAffinity

ALL: Final = "All"
FAILURES: Final = "Failures"


@dataclass(frozen=True)
class Frontend:
    """The frontend nodes: HAProxy and the sync sidecar."""

    image: Annotated[
        Image, Doc("HAProxy's container image, 3.0 or newer, such as haproxy:3.0.11."), Required()
    ]
    replicas: Annotated[int, Doc("How many frontend nodes run."), Default(2), Number(1, 100)]
    session_affinity: Annotated[
        SessionAffinity, Doc("Whether the requests of one client go to one node."), Default({})
    ]
    access_log: Annotated[
        str,
        Doc(
            "Which requests HAProxy logs, each as one JSON object with its client's address: All, or only Failures "
            "(an error, a time-out, a retry, a status of 5xx)."
        ),
        Default(FAILURES),
        Text(one_of=(ALL, FAILURES)),
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the frontend nodes."), Default({})]
