"""The clients' one address: the Service `NAME`, at every stage.

What must stay true: its selector moves only once the new side serves, and lets clients in, so that the address never
leads nowhere. What is told as an address is one that clients can use; until there is one, whoever stands behind it is
not ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pba_api import names, ports
from pba_api.conditions import ConditionType
from pba_api.identity import COMPONENT_FRONTEND, COMPONENT_MANAGEMENT, LABEL_COMPONENT, selector
from pba_operator.domain import deployments
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed, Problem
from pba_operator.domain.network import moments
from pba_operator.domain.ownership import is_ours, metadata

_SERVERS = {COMPONENT_FRONTEND: names.frontend, COMPONENT_MANAGEMENT: names.management}
"""Who may stand behind the address, and the Deployment that runs it."""
_LOAD_BALANCER = "LoadBalancer"


def find(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the live Service `NAME`, whoever's it is."""
    return observed.children.get(ChildId("Service", names.service(cluster.name)))


def addresses(live: Manifest) -> list[str]:
    """Return where clients reach the live Service: at its load balancer if it asks for one, else in the cluster."""
    if live.get("spec", {}).get("type") == _LOAD_BALANCER:
        ingress = live.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        found = [entry.get("ip") or entry.get("hostname") for entry in ingress]
    else:
        found = live.get("spec", {}).get("clusterIPs") or []
    return [address for address in found if address]


def problems(cluster: Cluster, observed: Observed) -> Iterator[Problem]:
    """Yield that no load balancer has given the Service an address yet, if one is asked for."""
    live, settings = find(cluster, observed), cluster.spec.service
    if live is None or not is_ours(cluster, live) or addresses(live):
        return
    if {settings.type, live.get("spec", {}).get("type")} != {_LOAD_BALANCER}:
        return
    which = f' of class "{settings.load_balancer_class}"' if settings.load_balancer_class else ""
    message = (
        f'No load balancer{which} has given Service "{live["metadata"]["name"]}" an address: install one, or set '
        "spec.service.type to NodePort or ClusterIP (from there, to LoadBalancer again with another loadBalancerClass)."
    )
    yield Problem(ConditionType.FRONTEND, "AwaitingAddress", message)


def current_component(cluster: Cluster, observed: Observed) -> str | None:
    """Return the component that the live Service leads to; None while there is no Service."""
    live = find(cluster, observed)
    if live is None:
        return None
    component = (live.get("spec", {}).get("selector") or {}).get(LABEL_COMPONENT)
    return component if component in _SERVERS else None


def component(cluster: Cluster, observed: Observed) -> str:
    """Return the component that the Service shall lead to now."""
    wanted = COMPONENT_MANAGEMENT if cluster.spec.frontend is None else COMPONENT_FRONTEND
    current = current_component(cluster, observed)
    if current is None or current == wanted:
        return wanted
    if not deployments.serves(observed, _SERVERS[wanted](cluster.name)):
        return current
    is_open = wanted == COMPONENT_FRONTEND or moments.may_be_led_to_management(cluster, observed)
    return wanted if is_open else current


def _ports(cluster: Cluster) -> list[Manifest]:
    """Return the ports: 443 only where there is TLS, as nobody else would answer at it."""
    wanted = {ports.HTTP_NAME: ports.SERVICE_HTTP}
    if cluster.spec.frontend is not None and cluster.spec.frontend.tls is not None:
        wanted[ports.HTTPS_NAME] = ports.SERVICE_HTTPS
    return [
        {"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in wanted.items()
    ]


def manifest(cluster: Cluster, observed: Observed) -> Manifest:
    """Return the Service `NAME`."""
    settings = cluster.spec.service
    meta = metadata(cluster, names.service(cluster.name), COMPONENT_FRONTEND)
    annotations = {**meta.get("annotations", {}), **settings.annotations}
    if annotations:
        meta = {**meta, "annotations": annotations}
    optional: dict[str, Any] = {
        "loadBalancerClass": settings.load_balancer_class,
        "loadBalancerSourceRanges": list(settings.load_balancer_source_ranges),
        "externalTrafficPolicy": settings.external_traffic_policy,
        "ipFamilyPolicy": settings.ip_family_policy,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "type": settings.type,
            "selector": selector(cluster.name, component(cluster, observed)),
            "ports": _ports(cluster),
            **{key: value for key, value in optional.items() if value},
        },
    }
