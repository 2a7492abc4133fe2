"""The roles around the application: management and backend nodes, and the clients' one address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.identity import GROUP
from pba_api.markers import Default, Doc, Entries, IntOrString, Items, Number, Rule, Text
from pba_api.types.common import AnnotationValue, Network, ObjectName, PodSettings
from pba_api.types.external import MAX_EXTERNAL, ExternalNode
from pba_api.types.rules import QUALIFIED_NAME_OR_EMPTY, no_reserved_prefix, qualified_names

_SERVICE_RESERVED = (f"{GROUP}/", "app.kubernetes.io/", "kubectl.kubernetes.io/", "argocd.argoproj.io/")
"""Cloud providers' annotations begin with `service.beta.kubernetes.io/` and the like: those are wanted here."""


@dataclass(frozen=True)
class Management:
    """The management node: the original container, one replica."""

    serves_traffic: Annotated[
        bool,
        Doc(
            "True: frontends send clients' requests to the management node, too, as to a backend node. Without a "
            "frontend it is the only one, and must serve."
        ),
        Default(value=True),
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the management node."), Default({})]


@dataclass(frozen=True)
class Rollout:
    """How a change is rolled out over the backend nodes (as in a Deployment: numbers or percentages)."""

    RULES: ClassVar = (
        Rule(
            # The API server tries the rule on the default {} before it fills that in.
            "!has(self.maxSurge) || !has(self.maxUnavailable) || !((self.maxSurge == 0 || self.maxSurge == '0%') && "
            "(self.maxUnavailable == 0 || self.maxUnavailable == '0%'))",
            "backend.rollout.maxSurge and maxUnavailable must not both be 0, or no node could ever be replaced: "
            "raise one of them",
        ),
    )

    max_surge: Annotated[
        int | str,
        Doc("How many nodes more than replicas may run during a rollout: a number or a percentage."),
        Default(1),
        IntOrString(),
        Text(max_length=5, pattern=r"^(100|[1-9]?[0-9])%$"),
        Rule("type(self) != int || (self >= 0 && self <= 1000)", "maxSurge must be 0 to 1000, or 0% to 100%"),
    ]
    max_unavailable: Annotated[
        int | str,
        Doc("How many nodes fewer than replicas may serve during a rollout: a number or a percentage."),
        Default(0),
        IntOrString(),
        Text(max_length=5, pattern=r"^(100|[1-9]?[0-9])%$"),
        Rule(
            "type(self) != int || (self >= 0 && self <= 1000)",
            "maxUnavailable must be 0 to 1000, or 0% to 100%",
        ),
    ]


@dataclass(frozen=True)
class Backend:
    """The backend nodes: clones of the application."""

    replicas: Annotated[
        int,
        Doc(
            "How many backend nodes run; `kubectl scale` and autoscalers set it. "
            "0: requests go to the management node alone if management.servesTraffic is true; else frontends that were "
            "ready answer 503, and those that start while it is 0 get ready once it is raised."
        ),
        Default(2),
        Number(0, 1000),
    ]
    rollout: Annotated[Rollout, Doc("How a change is rolled out over the backend nodes."), Default({})]
    external: Annotated[
        tuple[ExternalNode, ...],
        Doc(
            "Nodes outside of the cluster, such as machines that are not moved into it yet. Frontends check them and "
            "lead to them as to the others."
        ),
        Items(MAX_EXTERNAL, keys=("name",)),
        Rule(
            "self.all(x, self.exists_one(y, y.host == x.host && y.port == x.port))",
            "backend.external must not name one host and port twice, because that node would get twice its share: "
            "remove one of the two",
        ),
    ]
    drained_nodes: Annotated[
        tuple[ObjectName, ...],
        Doc(
            "Nodes that are drained by hand: names of pods (the management node's, too), or of external. They get no "
            "new requests, go on running, and serve again once they are taken out of this list. Where no other node "
            "can serve, they serve on."
        ),
        Items(1000, unique=True),
    ]
    drain_timeout_seconds: Annotated[
        int,
        Doc("Seconds that a node that goes still serves its clients before it is told to stop."),
        Default(30),
        Number(0, 3600),
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the backend nodes."), Default({})]


@dataclass(frozen=True)
class ServiceSettings:
    """The clients' one address."""

    RULES: ClassVar = (
        Rule(
            "!has(self.loadBalancerClass) || self.loadBalancerClass == '' || self.type == 'LoadBalancer'",
            "service.loadBalancerClass acts only with type LoadBalancer: set the type, or remove the field",
            field_path=".loadBalancerClass",
        ),
        Rule(
            "!has(self.loadBalancerSourceRanges) || size(self.loadBalancerSourceRanges) == 0 || "
            "self.type == 'LoadBalancer'",
            "service.loadBalancerSourceRanges acts only with type LoadBalancer: set the type, or remove the field",
            field_path=".loadBalancerSourceRanges",
        ),
        Rule(
            "!has(self.externalTrafficPolicy) || self.type in ['LoadBalancer', 'NodePort']",
            "service.externalTrafficPolicy acts only with type LoadBalancer or NodePort: set the type, or remove the "
            "field",
            field_path=".externalTrafficPolicy",
        ),
        Rule(
            "self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || "
            "(has(self.loadBalancerClass) ? self.loadBalancerClass : '') == "
            "(has(oldSelf.loadBalancerClass) ? oldSelf.loadBalancerClass : '')",
            "service.loadBalancerClass cannot be changed while the type is LoadBalancer: set it back, or change the "
            "type to ClusterIP first",
            field_path=".loadBalancerClass",
        ),
    )

    type: Annotated[
        str,
        Doc(
            "How the address is reached: inside the cluster, at every machine's port, or by a load balancer."
        ),
        Default("ClusterIP"),
        Text(one_of=("ClusterIP", "NodePort", "LoadBalancer")),
    ]
    load_balancer_class: Annotated[
        str,
        Doc(
            "Which load balancer implementation serves the address; only with type LoadBalancer. Empty: the cluster's "
            "default."
        ),
        Text(max_length=317, pattern=QUALIFIED_NAME_OR_EMPTY),
    ]
    load_balancer_source_ranges: Annotated[
        tuple[Network, ...],
        Doc("The client networks (CIDR) that may reach the load balancer; only with type LoadBalancer."),
        Items(100, unique=True),
    ]
    external_traffic_policy: Annotated[
        str,
        Doc("Local keeps the clients' addresses; only with type LoadBalancer or NodePort."),
        Text(one_of=("Cluster", "Local")),
    ]
    ip_family_policy: Annotated[
        str,
        Doc("Whether the address is of one IP family or of both."),
        Text(one_of=("SingleStack", "PreferDualStack", "RequireDualStack")),
    ]
    annotations: Annotated[
        Mapping[str, AnnotationValue],
        Doc("Annotations of the Service alone, such as a cloud provider's."),
        Entries(50),
        qualified_names("service.annotations"),
        no_reserved_prefix("service.annotations", _SERVICE_RESERVED),
    ]
