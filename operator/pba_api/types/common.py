"""Types that more than one part of the resource uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pba_api.identity import RESERVED_PREFIXES
from pba_api.markers import Doc, Entries, Items, Kubernetes, Required, Rule, Text
from pba_api.types.kubernetes_rules import IMAGE, RESOURCES, SPREAD, TOLERATIONS
from pba_api.types.rules import (
    NAME,
    NAME_OR_EMPTY,
    no_key_of_controllers,
    no_key_of_kubernetes,
    no_reserved_prefix,
    qualified_names,
)

Json = dict[str, Any]
"""A JSON object whose shape is Kubernetes' own (an affinity, an environment variable, a volume)."""

ObjectName = Annotated[str, Text(min_length=1, max_length=253, pattern=NAME)]
"""The name of an object of Kubernetes: a DNS-1123 subdomain."""

Image = Annotated[str, Text(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"), IMAGE]
"""A reference of a container image."""

AbsolutePath = Annotated[
    str, Text(min_length=2, max_length=1024, pattern=r"^/[^:\x00-\x1f\x7f]*[^:/\x00-\x1f\x7f]$")
]
"""A path in a container; Kubernetes allows no colon in it, and no control character makes sense there."""

Network = Annotated[
    str,
    Text(max_length=64, format="cidr"),
    Rule(
        # It also refuses what is no string, which the API server's check of a format lets through.
        "self.contains('/')",
        "a network must be in CIDR notation, such as 203.0.113.0/24",
    ),
]
"""A network of IPv4 or IPv6."""

LabelValue = Annotated[str, Text(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
AnnotationValue = Annotated[str, Text(max_length=4096)]

Labels = Annotated[Mapping[str, LabelValue], Entries(50)]
Annotations = Annotated[Mapping[str, AnnotationValue], Entries(50)]


@dataclass(frozen=True)
class PodSettings:
    """How the pods of one role are placed and sized: the same type in every role (`pod`)."""

    resources: Annotated[
        Json,
        Doc("Processor time and memory that the role's main container asks for and is limited to."),
        Kubernetes("io.k8s.api.core.v1.ResourceRequirements"),
        *RESOURCES,
    ]
    node_selector: Annotated[
        Labels,
        Doc("Labels that a node must have to run these pods."),
        qualified_names("nodeSelector"),
    ]
    tolerations: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.core.v1.Toleration")], ...],
        Doc("Taints of nodes that these pods put up with."),
        Items(50),
        *TOLERATIONS,
    ]
    affinity: Annotated[
        Json,
        Doc("Rules on which nodes, and near which other pods, these pods run."),
        Kubernetes("io.k8s.api.core.v1.Affinity"),
    ]
    topology_spread_constraints: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.core.v1.TopologySpreadConstraint")], ...],
        Doc("How these pods spread over zones, machines or other domains."),
        Items(10, keys=("topologyKey", "whenUnsatisfiable")),
        *SPREAD,
    ]
    priority_class_name: Annotated[
        str,
        Doc("The PriorityClass of these pods; empty: the cluster's default."),
        Text(max_length=253, pattern=NAME_OR_EMPTY),
    ]
    labels: Annotated[
        Labels,
        Doc("Further labels of these pods; never part of a selector."),
        qualified_names("pod.labels"),
        no_reserved_prefix("pod.labels", RESERVED_PREFIXES),
        no_key_of_controllers("pod.labels"),
    ]
    annotations: Annotated[
        Annotations,
        Doc("Further annotations of these pods."),
        qualified_names("pod.annotations"),
        no_reserved_prefix("pod.annotations", RESERVED_PREFIXES),
        no_key_of_controllers("pod.annotations"),
    ]


@dataclass(frozen=True)
class ChildMetadata:
    """Labels and annotations for every child; never part of a selector."""

    labels: Annotated[
        Labels,
        Doc("Labels that every object made for this PBACluster carries; never part of a selector."),
        qualified_names("childMetadata.labels"),
        no_reserved_prefix("childMetadata.labels", RESERVED_PREFIXES),
        no_key_of_kubernetes("childMetadata.labels"),
        no_key_of_controllers("childMetadata.labels"),
    ]
    annotations: Annotated[
        Annotations,
        Doc("Annotations that every object made for this PBACluster carries."),
        qualified_names("childMetadata.annotations"),
        no_reserved_prefix("childMetadata.annotations", RESERVED_PREFIXES),
        no_key_of_kubernetes("childMetadata.annotations"),
        no_key_of_controllers("childMetadata.annotations"),
    ]


@dataclass(frozen=True)
class LocalReference:
    """The name of an object in the PBACluster's namespace."""

    name: Annotated[ObjectName, Doc("The object's name."), Required()]


@dataclass(frozen=True)
class KeyReference:
    """One key of a Secret or ConfigMap in the PBACluster's namespace."""

    name: Annotated[ObjectName, Doc("The object's name, in the PBACluster's namespace."), Required()]
    key: Annotated[
        str,
        Doc("The key in the object's data."),
        Required(),
        Text(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$"),
    ]
