"""Whether a client stays on its node, and when it leaves it."""

from dataclasses import dataclass
from typing import Annotated, Final

from pba_api.markers import Default, Doc, Number, Text
from pba_api.sidecar import CLIENT_IP, COOKIE, NO_AFFINITY

COOKIE_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9_-]*$"
"""No `__Secure-` and no `__Host-`: without TLS browsers would throw the cookie away."""
TYPES: Final = (COOKIE, CLIENT_IP, NO_AFFINITY)


@dataclass(frozen=True)
class SessionAffinity:
    """Whether the requests of one client go to one node, as applications need that keep sessions on their nodes."""

    type: Annotated[
        str,
        Doc(
            "By what a client is known again: Cookie (the frontend sets one), ClientIP (its address), or None: each "
            "request goes to the node that has least to do."
        ),
        Default(COOKIE),
        Text(one_of=TYPES),
    ]
    cookie_name: Annotated[
        str,
        Doc(
            "The cookie's name, with type Cookie; none that the application sets itself: clients would never get it."
        ),
        Default("PBA"),
        Text(max_length=64, pattern=COOKIE_NAME),
    ]
    leave_slow_node_after_milliseconds: Annotated[
        int,
        Doc(
            "A node that answers later than others loses the clients that are bound to it only if it takes longer than "
            "this. One that fails loses them at once. With any type, a node that takes requests and has answered none "
            "for so long, while others do, gets no more."
        ),
        Default(5000),
        Number(1, 3_600_000),
    ]
