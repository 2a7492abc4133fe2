"""The cluster's name: what tells it from the clusters of other checkouts on the same machine."""

import hashlib
import os
import re
from pathlib import Path

from pba_hack.cluster.errors import ClusterError

__all__ = ["checked", "default"]

_VALID = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")


def default(checkout: Path) -> str:
    """`$PBA_CLUSTER` (set inside of `exec`), or a name made from where the checkout lies."""
    chosen = os.environ.get("PBA_CLUSTER")
    if chosen:
        return checked(chosen)
    readable = re.sub(r"[^a-z0-9]+", "-", checkout.name.lower()).strip("-")[:20].strip("-") or "checkout"
    return f"{readable}-{hashlib.sha256(str(checkout).encode()).hexdigest()[:6]}"


def checked(name: str) -> str:
    """The name itself.

    Raises:
        ClusterError: It cannot stand in the names of folders, cgroups and containers.
    """
    if not _VALID.fullmatch(name):
        raise ClusterError(
            f"'{name}' cannot be a cluster's name: use up to 30 small letters, digits and inner dashes"
        )
    return name
