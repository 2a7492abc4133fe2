"""How nodes are judged that are slower or fail more than others, and how nodes come in."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Default, Doc, Number


@dataclass(frozen=True)
class Balancing:
    """How nodes that are slower or fail more than others are told, and how nodes come (back) in."""

    slow_start_seconds: Annotated[
        int,
        Doc(
            "Seconds in which a node that joins, or is well again, rises to its full share of the requests. Under "
            "sessionAffinity ClientIP one that joins has its share at once, so that all frontends agree where a client "
            "belongs."
        ),
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
