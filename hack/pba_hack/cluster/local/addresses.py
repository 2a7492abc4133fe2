"""The cluster's addresses. Equal in every cluster: each has a network of its own that nothing outside reaches."""

__all__ = [
    "API_URL",
    "BRIDGE",
    "CLUSTER_DNS",
    "HUB",
    "HUB_MAC",
    "KUBERNETES_SERVICE",
    "LOAD_BALANCERS",
    "MAX_NODES",
    "NAME_SERVER",
    "POD_NETWORK",
    "SERVICE_NETWORK",
    "node_address",
    "node_mac",
    "pod_network",
]

BRIDGE = "br0"
HUB = "172.30.0.1"
HUB_MAC = "02:00:ac:1e:00:01"
"""Given to the bridge: without, it has the least of its links', and another one when that node goes; then nobody
reaches the hub until he has forgotten the old one."""
NAME_SERVER = "172.30.0.2"
"""The hub's, too, and of the name server alone: NetworkPolicies tell it from the API server."""
API_URL = f"https://{HUB}:6443"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
CLUSTER_DNS = "10.96.0.10"
LOAD_BALANCERS = "172.30.1.0/24"
"""Services of type LoadBalancer get their addresses from here."""
MAX_NODES = 20


def node_address(number: int) -> str:
    """Address of node `number` (from 1) on the bridge."""
    return f"172.30.0.{10 + number}"


def node_mac(number: int) -> str:
    """Hardware address: fixed, so that neighbours find a node again at once after its crash and return."""
    return f"02:00:ac:1e:00:{10 + number:02x}"


def pod_network(number: int) -> str:
    """The addresses of the pods on node `number`."""
    return f"10.244.{number}.0/24"
