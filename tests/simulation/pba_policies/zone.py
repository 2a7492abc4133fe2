"""Everybody who may try to reach a PBACluster's pods, and what the API's words say of each try."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from pba_hack.cluster.local.policies.world import Pod, World
from pba_operator.domain.network.policies import OperatorPods
from pba_policies.oracle import allowed

Flow = tuple[str, str, int]
"""Who, whom, at which TCP port."""

OPERATOR = OperatorPods("ops", {"app.kubernetes.io/name": "pba-operator"})
PORTS = (22, 53, 81, 443, 587, 3306, 6443, 8080, 8404, 8405, 8443, 9000, 33061)
COMPONENTS = ("frontend", "backend", "management", "database")
SECOND = "second member"
"""Another pod of the database: what there is for members is seen between two."""
TWIN = "second frontend"
"""Likewise."""


def _pod(number: int, namespace: str, name: str, **labels: str) -> Pod:
    return Pod(namespace, name, f"10.244.1.{number}", labels)


def _of(number: int, name: str, component: str, cluster: str = "shop", namespace: str = "default") -> Pod:
    labels = {"pba.dev/cluster": cluster, "pba.dev/component": component}
    return Pod(namespace, name, f"10.244.2.{number}", labels)


PEOPLE = {
    pod.name: pod
    for pod in (
        *(_of(number, component, component) for number, component in enumerate(COMPONENTS, 1)),
        _of(10, SECOND, "database"),
        _of(14, TWIN, "frontend"),
        _of(11, "other database", "database", cluster="other"),
        _of(12, "other frontend", "frontend", cluster="other"),
        _of(13, "namesake's backend", "backend", namespace="elsewhere"),
        _pod(1, "default", "neighbour", app="toolbox"),
        _pod(2, "elsewhere", "outsider"),
        _pod(3, "ops", "operator", **OPERATOR.labels),
        _pod(4, "default", "false operator", **OPERATOR.labels),
        _pod(5, "ops", "other pod of ops"),
        _pod(6, "monitoring", "prometheus", app="prometheus"),
        Pod("away", "API server", "172.30.0.1"),
        Pod("away", "client", "172.30.0.9"),
        Pod("away", "mail server", "198.51.100.7"),
        Pod("away", "old machine", "192.0.2.80"),
        Pod("away", "client by IPv6", "2001:db8::9"),
    )
}
OURS = frozenset((*COMPONENTS, SECOND, TWIN))
OTHERS = frozenset(PEOPLE) - OURS
_NAMESPACES = frozenset(pod.namespace for pod in PEOPLE.values())


class Zone:
    """The people under some NetworkPolicies."""

    def __init__(self, policies: Iterable[dict[str, Any]]) -> None:
        labels = {name: {"kubernetes.io/metadata.name": name} for name in _NAMESPACES}
        self._world = World(list(PEOPLE.values()), labels, tuple(policies))

    def lets(self, who: str, whom: str, port: int, protocol: str = "tcp") -> bool:
        """Tell whether a connection comes about."""
        return allowed(self._world, PEOPLE[who], PEOPLE[whom], protocol, port)

    def table(self) -> set[Flow]:
        """Return all that gets through, from one of our pods or to one."""
        return {
            flow for flow in flows(PEOPLE, PEOPLE, PORTS) if {flow[0], flow[1]} & OURS and self.lets(*flow)
        }


def flows(who: Iterable[str], whom: Iterable[str], ports: Iterable[int]) -> set[Flow]:
    """Return everybody's tries to reach everybody else."""
    return {(one, other, port) for one, other, port in product(who, whom, ports) if one != other}
