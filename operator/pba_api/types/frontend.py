"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Default, Doc, Number, Required
from pba_api.types.common import Image, PodSettings
from pba_api.types.frontend_traffic import Checks, Timeouts


@dataclass(frozen=True)
class Balancing:
    """How nodes that are slower or fail more than others are told, and how nodes come (back) in."""

    slow_start_seconds: Annotated[
        int,
        Doc("Seconds in which a node that joins, or is well again, rises to its full share of the requests."),
        Default(2),
        Number(1, 600),
    ]
    late_percent: Annotated[
        int,
        Doc(
            "From how much of the nodes' usual time on an answer counts as late, in percent. A node with clearly more "
            "late or failed answers than others gets no more requests but those on trial."
        ),
        Default(200),
        Number(110, 100_000),
    ]
    late_milliseconds: Annotated[
        int,
        Doc("An answer that takes only so much longer than usual is not late, whatever latePercent says."),
        Default(25),
        Number(1, 600_000),
    ]
    trial_period_seconds: Annotated[
        int,
        Doc(
            "A node that gets no more requests is given a GET or HEAD on trial at least so often; the first one comes "
            "after half of it."
        ),
        Default(5),
        Number(1, 3600),
    ]
    max_out_percent: Annotated[
        int,
        Doc(
            "At most so many of the nodes are without requests for being slow or failing, in percent; 0: none ever. "
            "If more look bad, those serve too."
        ),
        Default(50),
        Number(0, 90),
    ]


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
    pod: Annotated[PodSettings, Doc("Placement and size of the frontend nodes."), Default({})]
