"""Waits until the cluster can be used: API server, base objects, nodes, names."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pba_hack.cluster import resolv_conf
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.api import Api
from pba_hack.cluster.local.dns_probe import resolves
from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.members import Member
from pba_hack.cluster.local.namespaces import in_network_of
from pba_hack.cluster.local.policies import enforcement, kernel
from pba_hack.cluster.waiting import until
from pba_hack.conditions import is_ready

__all__ = [
    "apply_base_objects",
    "await_accounts",
    "await_api",
    "await_names",
    "await_nodes",
    "await_policies",
]

_MANIFESTS = Path(__file__).parent / "manifests"
_API_SECONDS = 60.0
_NODE_SECONDS = 90.0
_DNS_SECONDS = 60.0
_POLICIES_SECONDS = 30.0
_SERVICE = f"kubernetes.default.svc.{resolv_conf.DOMAIN}"


def await_api(layout: Layout, hub: int) -> None:
    """Wait until the API server is ready."""
    api = Api(layout.pki, "admin")
    with in_network_of(hub):
        until(lambda: api.get_text("/readyz") == "ok", _API_SECONDS, "API server ready", _logs(layout))


def apply_base_objects(layout: Layout, hub: int, kubectl: Path) -> None:
    """Create what every cluster has: the name server's Service, the storage class, the roles of our programs."""
    command = [str(kubectl), "apply", "--server-side", "--force-conflicts", f"--filename={_MANIFESTS}"]
    with in_network_of(hub):
        done = subprocess.run(
            [*command, f"--kubeconfig={layout.kubeconfig}"], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise ClusterError(f"the cluster's base objects cannot be applied: {done.stderr.strip()}")


def await_nodes(layout: Layout, hub: int, nodes: Sequence[Member]) -> None:
    """Wait until all these nodes are Ready."""
    api = Api(layout.pki, "admin")
    names = [node.name for node in nodes]

    def are_ready() -> bool:
        listed = {item["metadata"]["name"]: item for item in api.get("/api/v1/nodes")["items"]}
        return all(name in listed and is_ready(listed[name]) for name in names)

    with in_network_of(hub):
        until(are_ready, _NODE_SECONDS, f"{', '.join(names)} Ready", _logs(layout))


def await_names(layout: Layout, nodes: Sequence[Member]) -> None:
    """Wait until every node's pods get an answer from the cluster's name server."""
    for node in nodes:
        with in_network_of(node.pid):
            until(
                lambda: resolves(addresses.CLUSTER_DNS, _SERVICE),
                _DNS_SECONDS,
                f"{_SERVICE} answered on {node.name}",
                _logs(layout),
            )


def await_policies(layout: Layout, nodes: Sequence[Member]) -> None:
    """Wait until NetworkPolicies are enforced on these nodes: before that, their pods cannot speak."""
    networks = {node.name: kernel.network_of(node.pid) for node in nodes}

    def stand() -> str:
        return enforcement.standing(enforcement.read(layout.network_policies), networks, time.time())

    until(
        lambda: stand() == enforcement.ENFORCED,
        _POLICIES_SECONDS,
        "NetworkPolicies enforced",
        lambda: f"{stand()}. {_logs(layout)()}",
    )


def await_accounts(layout: Layout, hub: int) -> None:
    """Wait until pods can be created: without its account, the namespace `default` takes none."""
    api = Api(layout.pki, "admin")
    with in_network_of(hub):
        until(
            lambda: bool(api.get("/api/v1/namespaces/default/serviceaccounts/default")),
            _API_SECONDS,
            "the account of the namespace default",
            _logs(layout),
        )


def _logs(layout: Layout) -> Callable[[], str]:
    return lambda: f"The logs are in {layout.logs}."
