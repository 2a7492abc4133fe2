"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.markers import Default, Doc, Items, Number, Required, Rule
from pba_api.types.common import Image, PodSettings
from pba_api.types.frontend_affinity import SessionAffinity
from pba_api.types.frontend_balancing import Balancing
from pba_api.types.frontend_traffic import Checks, Limits, PathLimits, Retries, Timeouts


@dataclass(frozen=True)
class Frontend:
    """The frontend nodes: HAProxy and the sync sidecar."""

    RULES: ClassVar = (
        Rule(
            # The API server tries the rule on defaults before it fills them in.
            "!has(self.replicas) || !has(self.limits) || !has(self.limits.requestsPerNode) || "
            "self.limits.requestsPerNode >= self.replicas",
            "frontend.limits.requestsPerNode must be at least frontend.replicas, because each frontend has a share "
            "of it, which is at least 1: raise it, or lower the replicas",
            field_path=".limits.requestsPerNode",
        ),
    )

    image: Annotated[
        Image, Doc("HAProxy's container image, 3.0 or newer, such as haproxy:3.0.11."), Required()
    ]
    replicas: Annotated[int, Doc("How many frontend nodes run."), Default(2), Number(1, 100)]
    balancing: Annotated[
        Balancing, Doc("How slow and failing nodes are told, and how nodes come in."), Default({})
    ]
    checks: Annotated[Checks, Doc("How dead nodes are found."), Default({})]
    limits: Annotated[Limits, Doc("How much may be asked at a time."), Default({})]
    paths: Annotated[
        tuple[PathLimits, ...],
        Doc(
            "Limits for parts of the application, by the path. A request with a .. in its path is refused then."
        ),
        Items(50, keys=("prefix",)),
    ]
    retries: Annotated[Retries, Doc("Requests that are sent to a second node."), Default({})]
    timeouts: Annotated[Timeouts, Doc("How long the frontend waits for whom."), Default({})]
    session_affinity: Annotated[
        SessionAffinity, Doc("Whether the requests of one client go to one node."), Default({})
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the frontend nodes."), Default({})]
