"""What is told about a PBACluster: its status, and the resource as a whole.

What must stay true: nothing in it changes with load or with time alone, and no list in it grows with the cluster.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.markers import Default, Doc, Items, Number, Required, Rule, Text
from pba_api.types.common import LocalReference
from pba_api.types.spec import PBAClusterSpec

MAX_ADDRESSES = 16
MAX_MEMBER_STATES = 10
MAX_NOT_READY = 20

_Count = Annotated[int, Number(0)]
_Name = Annotated[str, Text(max_length=253)]


@dataclass(frozen=True)
class Condition:
    """One thing that is true, false or unknown, and why."""

    type: Annotated[str, Doc("What the condition is about."), Required(), Text(min_length=1, max_length=64)]
    status: Annotated[
        str, Doc("True, False or Unknown."), Required(), Text(one_of=("True", "False", "Unknown"))
    ]
    reason: Annotated[
        str,
        Doc("Why, as one word for programs."),
        Required(),
        Text(min_length=1, max_length=128, pattern=r"^[A-Za-z][A-Za-z0-9]*$"),
    ]
    message: Annotated[str, Doc("Why, and what to do, for people."), Required(), Text(max_length=32768)]
    observed_generation: Annotated[int, Doc("The generation of the spec that this is about."), Number(0)]
    last_transition_time: Annotated[
        str, Doc("When the status last changed."), Required(), Text(max_length=64, format="date-time")
    ]


@dataclass(frozen=True)
class ServiceStatus:
    """The clients' one address."""

    name: Annotated[_Name, Doc("The Service.")]
    addresses: Annotated[
        tuple[_Name, ...],
        Doc(
            "The addresses (host names or IPs) at which clients reach it: the load balancer's if service.type is "
            "LoadBalancer (none until it has given one), else those inside the cluster."
        ),
        Items(MAX_ADDRESSES),
    ]


@dataclass(frozen=True)
class ManagementStatus:
    """Where the management node runs."""

    pod_name: Annotated[_Name, Doc("The management node's pod.")]
    node_name: Annotated[_Name, Doc("The machine that it runs on.")]


@dataclass(frozen=True)
class MemberState:
    """One member of the database."""

    name: Annotated[_Name, Doc("The member's pod."), Required()]
    role: Annotated[str, Doc("Primary or Secondary; empty while unknown."), Text(max_length=32)]
    state: Annotated[str, Doc("What the member does, such as Online."), Text(max_length=32)]
    node_name: Annotated[_Name, Doc("The machine that it runs on.")]


@dataclass(frozen=True)
class DatabaseStatus:
    """Where the database is, and how it is."""

    host: Annotated[_Name, Doc("The host name at which the primary is reached.")]
    credentials_secret_ref: Annotated[
        LocalReference | None, Doc("The Secret with the application's account.")
    ]
    version: Annotated[str, Doc("The server's version."), Text(max_length=64)]
    primary: Annotated[_Name, Doc("The member that takes writes.")]
    members: Annotated[_Count, Doc("How many members there shall be.")]
    ready_members: Annotated[_Count, Doc("How many members are ready.")]
    member_states: Annotated[
        tuple[MemberState, ...],
        Doc("The members, one by one."),
        Items(MAX_MEMBER_STATES, keys=("name",)),
    ]


@dataclass(frozen=True)
class NodeProblem:
    """A node that is not ready, and why."""

    name: Annotated[_Name, Doc("The node's pod."), Required()]
    node_name: Annotated[_Name, Doc("The machine that it runs on; empty while it has none.")]
    reason: Annotated[str, Doc("Why it is not ready."), Text(max_length=256)]


@dataclass(frozen=True)
class BackendStatus:
    """How many backend nodes there are; the full list is in the EndpointSlices."""

    replicas: Annotated[_Count, Doc("How many backend nodes exist; read by autoscalers.")]
    selector: Annotated[
        str, Doc("The label selector of the backend nodes; read by autoscalers."), Text(max_length=512)
    ]
    ready_replicas: Annotated[_Count, Doc("How many backend nodes are ready.")]
    updated_replicas: Annotated[_Count, Doc("How many backend nodes are of the present spec.")]
    not_ready: Annotated[
        tuple[NodeProblem, ...],
        Doc(f"Nodes that are not ready, at most {MAX_NOT_READY}."),
        Items(MAX_NOT_READY, keys=("name",)),
    ]


@dataclass(frozen=True)
class FrontendStatus:
    """How many frontend nodes there are."""

    replicas: Annotated[_Count, Doc("How many frontend nodes exist.")]
    ready_replicas: Annotated[_Count, Doc("How many frontend nodes are ready.")]


@dataclass(frozen=True)
class PBAClusterStatus:
    """What runs."""

    observed_generation: Annotated[
        int,
        Doc("The generation of the spec that the status is about; -1 until the operator has seen it."),
        Number(-1),
    ]
    stage: Annotated[
        str,
        Doc(
            "How far the cluster has grown, for people to read: Standalone, SeparateDatabase, BackendCluster, ..."
        ),
        Text(max_length=64),
    ]
    conditions: Annotated[
        tuple[Condition, ...],
        Doc(
            "Ready, Reconciling, Stalled (the last two absent when all is well), Paused, and one for each part."
        ),
        Items(32, keys=("type",)),
    ]
    service: Annotated[ServiceStatus | None, Doc("The clients' one address.")]
    management: Annotated[ManagementStatus | None, Doc("The management node.")]
    database: Annotated[DatabaseStatus | None, Doc("The database.")]
    backend: Annotated[BackendStatus | None, Doc("The backend nodes.")]
    frontend: Annotated[FrontendStatus | None, Doc("The frontend nodes.")]


@dataclass(frozen=True)
class PBACluster:
    """A web application, its MySQL database and its balancer, grown from one resource."""

    RULES: ClassVar = (
        Rule(
            r"self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",
            "metadata.name must be at most 40 characters, a lower-case letter first, then letters, digits and '-', no "
            "'-' at the end, because other objects are named after it: choose such a name",
        ),
    )

    spec: Annotated[PBAClusterSpec, Doc("What is asked for."), Required()]
    status: Annotated[
        PBAClusterStatus | None,
        Doc("What runs; written by the operator alone."),
        # Without it kstatus takes a new object, which has no status yet, for one that is done.
        Default({"observedGeneration": -1}),
    ]
