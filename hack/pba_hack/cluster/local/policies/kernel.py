"""Gives the kernel the rules of a node: in one transaction, so that no packet ever meets half of them."""

import subprocess
from pathlib import Path

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.namespaces import in_network_of

__all__ = ["apply", "network_of"]

_SECONDS = 20.0


def apply(process: int, text: str) -> None:
    """Make the rules of the network that a process is in; on an error the former ones stand.

    Raises:
        ClusterError: the kernel or nft refuses them.
        OSError: the process has ended, or there is no nft.
    """
    with in_network_of(process):
        try:
            done = subprocess.run(
                ["nft", "-f", "-"], input=text, capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"nft has not ended after {_SECONDS:.0f} s") from error
    if done.returncode:
        raise ClusterError(f"nft: {done.stderr.strip()}")


def network_of(process: int) -> int:
    """Return what tells the network of a process from others, the same seen from the machine and from the hub.

    Raises:
        OSError: the process has ended.
    """
    return Path(f"/proc/{process}/ns/net").stat().st_ino
