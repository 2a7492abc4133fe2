"""The frontend nodes: how clients' requests are received and given to nodes."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from pba_api.markers import Default, Doc, Items, Number, Required, Rule, Text
from pba_api.types.common import Image, Network, PodSettings
from pba_api.types.frontend_affinity import SessionAffinity
from pba_api.types.frontend_balancing import Balancing
from pba_api.types.frontend_edge import Access, ErrorPages
from pba_api.types.frontend_tls import FrontendTLS
from pba_api.types.frontend_traffic import Checks, Limits, PathLimits, Retries, Timeouts

ALL: Final = "All"
FAILURES: Final = "Failures"


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
        Image,
        Doc(
            "HAProxy's container image, such as haproxy:3.0.11. Use 3.0, from 3.0.11 on: with what this needs of it, "
            "3.2.0 ends by itself, and 3.2.26 and 3.4.0 send nothing more to a node that has come back."
        ),
        Required(),
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
    trusted_proxy_cidrs: Annotated[
        tuple[Network, ...],
        Doc(
            "The networks (CIDR) of the proxies and load balancers before the frontend nodes. What they say in "
            "X-Forwarded-For, X-Forwarded-Proto and X-Request-Id is believed, and the client is the last address in "
            "X-Forwarded-For that is not one of theirs; what anybody else says there is removed. X-Forwarded-Host is "
            "what the Host header says, whoever asks."
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
    tls: Annotated[
        FrontendTLS | None,
        Doc("TLS for clients, at the Service's port 443; absent: they are served without, at port 80 alone."),
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
