"""Where a cluster of either provider keeps what the commands outside of it need: one folder, named after it."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CommonLayout"]


@dataclass(frozen=True)
class CommonLayout:
    """The paths that every cluster has."""

    name: str
    root: Path

    @property
    def folder(self) -> Path:
        """All of the cluster's files."""
        return self.root / self.name

    @property
    def lock(self) -> Path:
        """Held by the one command that changes the cluster."""
        return self.root / f"{self.name}.lock"

    @property
    def state(self) -> Path:
        """What `up` has reached; see `state.py`."""
        return self.folder / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's client configuration."""
        return self.folder / "kubeconfig"

    @property
    def bin(self) -> Path:
        """Links to the cluster's `kubectl` and `helm`, for the PATH of `exec`."""
        return self.folder / "bin"

    @property
    def resolv_conf(self) -> Path:
        """Name resolution inside of `exec`."""
        return self.folder / "resolv.conf"
