"""Who may reach whom: the NetworkPolicies that are made for a PBACluster, and what its users add to them."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Default, Doc, Items, Kubernetes, Text
from pba_api.types.common import Json, Network
from pba_api.types.kubernetes_rules import EGRESS_RULES, POLICY_PEERS

ENABLED = "Enabled"
DISABLED = "Disabled"


@dataclass(frozen=True)
class NetworkSettings:
    """Who may reach whom."""

    policies: Annotated[
        str,
        Doc(
            "Enabled: NetworkPolicies let each pod be reached by what needs it, and reach what it needs, and nothing "
            "else; they act where the cluster's network enforces them. Disabled: there are none."
        ),
        Default(ENABLED),
        Text(one_of=(ENABLED, DISABLED)),
    ]
    api_server_cidrs: Annotated[
        tuple[Network, ...],
        Doc(
            "Where the API server is, for the frontends' sidecars: any port of these networks. Name the addresses of "
            "its machines, not that of its Service. Empty: ports 443 and 6443 of any address, because no label "
            "selects the API server."
        ),
        Items(20, unique=True),
    ]
    application_egress: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.networking.v1.NetworkPolicyEgressRule")], ...],
        Doc(
            "What management and backend nodes may reach beside the database and name servers, such as a mail server "
            "or a payment gateway: rules as in a NetworkPolicy. An empty rule, {}, is everything."
        ),
        Items(20),
        *EGRESS_RULES,
    ]
    monitoring: Annotated[
        tuple[Annotated[Json, Kubernetes("io.k8s.api.networking.v1.NetworkPolicyPeer")], ...],
        Doc(
            "Who may read the frontends' metrics: peers as in a NetworkPolicy, such as Prometheus' pods. Empty: nobody."
        ),
        Items(20),
        *POLICY_PEERS,
    ]
