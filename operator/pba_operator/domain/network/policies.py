"""The NetworkPolicies: one for each component, for as long as there is anything of it.

What must stay true: a policy selects exactly the pods that the component's workload does. Where clients' Service leads,
and nowhere else, anybody may come in. Whatever a pod needs is said before the pod is made, and is not taken back while
a pod that needs it is left.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pba_api import names as child_names
from pba_api import ports
from pba_api.identity import (
    COMPONENT_BACKEND,
    COMPONENT_DATABASE,
    COMPONENT_FRONTEND,
    COMPONENT_MANAGEMENT,
    LABEL_COMPONENT,
    selector,
)
from pba_api.types import ExternalNode
from pba_operator.domain import service
from pba_operator.domain.model import ChildId, Cluster, Delete, Manifest, Observed
from pba_operator.domain.network import moments, rules
from pba_operator.domain.network.rules import Rule
from pba_operator.domain.ownership import is_ours, metadata

KIND: Final = "NetworkPolicy"


@dataclass(frozen=True)
class OperatorPods:
    """By what the operator's own pods are known, who ask MySQL."""

    namespace: str
    labels: Mapping[str, str]

    @property
    def peer(self) -> Manifest:
        """The operator's pods as a peer."""
        return {
            "namespaceSelector": {"matchLabels": {rules.NAMESPACE_NAME: self.namespace}},
            "podSelector": {"matchLabels": dict(self.labels)},
        }


@dataclass(frozen=True)
class _Scene:
    """What the policies are made from."""

    cluster: Cluster
    observed: Observed
    operator: OperatorPods | None

    def pods(self, component: str) -> list[Manifest]:
        """Return the live pods of a component, those on their way out among them: they still serve."""
        return [
            pod
            for pod in self.observed.of_kind("Pod")
            if (pod["metadata"].get("labels") or {}).get(LABEL_COMPONENT) == component
        ]

    def is_left(self, component: str) -> bool:
        """Tell whether there is anything of a component that the spec does not ask for any more."""
        workload = ChildId("Deployment", _NAMES[component](self.cluster.name))
        return workload in self.observed.children or bool(self.pods(component))

    def ports(self, component: str, name: str) -> Iterator[int]:
        """Yield the numbers that live pods give a port: a change of it is rolled out pod by pod."""
        for pod in self.pods(component):
            for container in pod.get("spec", {}).get("containers", ()):
                for port in container.get("ports") or ():
                    if port.get("name") == name:
                        yield int(port["containerPort"])

    def application_ports(self, *components: str) -> list[Manifest]:
        """Return the ports at which the application serves."""
        found = [number for component in components for number in self.ports(component, ports.HTTP_NAME)]
        return rules.tcp(self.cluster.spec.application.port, *found)


_NAMES: Final[Mapping[str, Callable[[str], str]]] = {
    COMPONENT_DATABASE: child_names.database,
    COMPONENT_MANAGEMENT: child_names.management,
    COMPONENT_BACKEND: child_names.backend,
    COMPONENT_FRONTEND: child_names.frontend,
}


def _database(scene: _Scene) -> tuple[list[Rule], list[Rule]]:
    name = scene.cluster.name
    members = [rules.pods_of(name, COMPONENT_DATABASE)]
    clients = [rules.pods_of(name, component) for component in (COMPONENT_BACKEND, COMPONENT_MANAGEMENT)]
    if scene.operator is not None:
        clients.append(scene.operator.peer)
    among_members = rules.tcp(ports.MYSQL, ports.MYSQL_GROUP)
    return (
        [{"from": clients, "ports": rules.tcp(ports.MYSQL)}, {"from": members, "ports": among_members}],
        [{"to": members, "ports": among_members}, rules.dns()],
    )


def _application_egress(scene: _Scene) -> list[Rule]:
    database = [rules.pods_of(scene.cluster.name, COMPONENT_DATABASE)]
    return [
        {"to": database, "ports": rules.tcp(ports.MYSQL)},
        rules.dns(),
        *rules.as_stored(scene.cluster.spec.network.application_egress),
    ]


def _leads_to_management(scene: _Scene) -> bool:
    """Tell whether clients are led to the management node itself, shall be, or were a moment ago."""
    cluster, observed = scene.cluster, scene.observed
    return (
        cluster.spec.frontend is None
        or service.current_component(cluster, observed) == COMPONENT_MANAGEMENT
        or moments.still_admits_anybody(cluster, observed)
    )


def _is_behind_frontends(scene: _Scene) -> bool:
    """Tell whether frontends lead to the management node: they follow its Service."""
    cluster, observed = scene.cluster, scene.observed
    return (
        cluster.spec.management.serves_traffic
        or ChildId("Service", child_names.management(cluster.name)) in observed.children
        or moments.still_admits_frontends(cluster, observed)
    )


def _management(scene: _Scene) -> tuple[list[Rule], list[Rule]]:
    served = scene.application_ports(COMPONENT_MANAGEMENT)
    frontends: Rule = {"from": [rules.pods_of(scene.cluster.name, COMPONENT_FRONTEND)], "ports": served}
    if _leads_to_management(scene):
        ingress: list[Rule] = [{"ports": served}]
    else:
        ingress = [frontends] if _is_behind_frontends(scene) else []
    return ingress, _application_egress(scene)


def _backend(scene: _Scene) -> tuple[list[Rule], list[Rule]]:
    served = scene.application_ports(COMPONENT_BACKEND)
    return [
        {"from": [rules.pods_of(scene.cluster.name, COMPONENT_FRONTEND)], "ports": served}
    ], _application_egress(scene)


def _outside(nodes: tuple[ExternalNode, ...]) -> Iterator[Rule]:
    """Yield the rules by which nodes outside of the cluster are reached: of a name only the port can be said."""
    for node in sorted(nodes, key=lambda each: each.name):
        try:
            yield {"to": [rules.block(str(ipaddress.ip_address(node.host)))], "ports": rules.tcp(node.port)}
        except ValueError:
            yield {"ports": rules.tcp(node.port)}


def _frontend(scene: _Scene) -> tuple[list[Rule], list[Rule]]:
    spec, name = scene.cluster.spec, scene.cluster.name
    secure = [ports.FRONTEND_HTTPS] if spec.frontend is not None and spec.frontend.tls is not None else []
    for_clients = [ports.FRONTEND_HTTP, *secure, *scene.ports(COMPONENT_FRONTEND, ports.HTTPS_NAME)]
    ingress: list[Rule] = [{"ports": rules.tcp(*for_clients)}]
    # Each asks the others whether they can serve, before it gives way to them, and what clients ask them for.
    frontends = [rules.pods_of(name, COMPONENT_FRONTEND)]
    asked = rules.tcp(ports.FRONTEND_HEALTH, ports.SYNC_HTTP)
    ingress.append({"from": frontends, "ports": asked})
    if spec.network.monitoring:
        ingress.append({"from": list(spec.network.monitoring), "ports": rules.tcp(ports.SYNC_HTTP)})
    nodes = (COMPONENT_BACKEND, COMPONENT_MANAGEMENT)
    outside = () if spec.backend is None else spec.backend.external
    egress = [
        {
            "to": [rules.pods_of(name, component) for component in nodes],
            "ports": scene.application_ports(*nodes),
        },
        *_outside(outside),
        {"to": frontends, "ports": asked},
        rules.dns(),
        rules.api_server(spec.network.api_server_cidrs),
    ]
    return ingress, egress


_RULES: Final[Mapping[str, Callable[[_Scene], tuple[list[Rule], list[Rule]]]]] = {
    COMPONENT_DATABASE: _database,
    COMPONENT_MANAGEMENT: _management,
    COMPONENT_BACKEND: _backend,
    COMPONENT_FRONTEND: _frontend,
}


def _components(scene: _Scene) -> Iterator[str]:
    optional = {
        COMPONENT_BACKEND: scene.cluster.spec.backend,
        COMPONENT_FRONTEND: scene.cluster.spec.frontend,
    }
    for component in _RULES:
        if component not in optional or optional[component] is not None or scene.is_left(component):
            yield component


def manifests(cluster: Cluster, observed: Observed, operator: OperatorPods | None) -> list[Manifest]:
    """Return the NetworkPolicies that there shall be now.

    Args:
        cluster: the PBACluster.
        observed: the live state: pods that are left, and where clients are led.
        operator: the operator's own pods; None: it runs where no labels tell of it.
    """
    if not moments.is_policed(cluster):
        return []
    scene = _Scene(cluster, observed, operator)
    made = []
    for component in _components(scene):
        ingress, egress = _RULES[component](scene)
        made.append(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": KIND,
                "metadata": metadata(cluster, _NAMES[component](cluster.name), component),
                "spec": {
                    "podSelector": {"matchLabels": selector(cluster.name, component)},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": ingress,
                    "egress": egress,
                },
            }
        )
    return made


def deletions(cluster: Cluster, observed: Observed) -> Iterator[Delete]:
    """Yield the deletion of each policy of ours that there shall not be any more."""
    wanted = {ChildId.of(manifest) for manifest in manifests(cluster, observed, None)}
    for live in observed.of_kind(KIND):
        is_left_over = is_ours(cluster, live) and ChildId.of(live) not in wanted
        if is_left_over and "deletionTimestamp" not in live["metadata"]:
            yield Delete(ChildId.of(live), live["metadata"]["uid"])
