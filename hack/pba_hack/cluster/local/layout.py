"""Where a cluster keeps its things: one folder of the machine, and one control group in each hierarchy.

The folder is the machine's, not the cache's or the checkout's: whoever asks for a cluster by its name must find
the same one. `down` removes it whole.
"""

from dataclasses import dataclass
from pathlib import Path

from pba_hack.cluster.layout import CommonLayout

__all__ = ["STATE_ROOT", "Layout", "node_name", "node_number"]

STATE_ROOT = Path("/var/lib/pba-cluster")


def node_name(number: int) -> str:
    """Name of the node `number` (from 1)."""
    return f"node{number}"


def node_number(name: str) -> int:
    """Number of a node, by its name."""
    return int(name.removeprefix("node"))


@dataclass(frozen=True)
class Layout(CommonLayout):
    """The paths of one cluster."""

    root: Path = STATE_ROOT

    @property
    def cgroup(self) -> str:
        """The cluster's control group, below each hierarchy's root."""
        return f"pba-{self.name}"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.folder / "pki"

    @property
    def logs(self) -> Path:
        """Logs of the control plane, and a folder for each node."""
        return self.folder / "log"

    @property
    def audit_log(self) -> Path:
        """Every request to the API server but the components' own reads, one JSON object a line."""
        return self.logs / "audit.log"

    @property
    def api_ready(self) -> Path:
        """Exists once the API server is ready: not only listening, but with its built-in roles."""
        return self.folder / "api-ready"

    @property
    def objects_applied(self) -> Path:
        """Exists once our programs have their roles."""
        return self.folder / "objects-applied"

    @property
    def network_policies(self) -> Path:
        """What the engine of NetworkPolicies tells of itself."""
        return self.folder / "network-policies.json"

    @property
    def blobs(self) -> Path:
        """The nodes' common image layers."""
        return self.folder / "blobs"

    def containerd(self, number: int) -> Path:
        """The folder of a node's containerd."""
        return self.node(number) / "containerd"

    def node(self, number: int) -> Path:
        """The files of one node."""
        return self.folder / node_name(number)

    def node_logs(self, number: int) -> Path:
        """The logs of one node's own programs."""
        return self.logs / node_name(number)
