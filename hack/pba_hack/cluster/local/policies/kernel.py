"""Gives the kernel the rules of a node; at no moment does anything pass that neither the old nor the new ones allow.

A table that replaces another in one transaction is not enough. The kernel switches while packets are on their way: one
may have passed the hook of the new table, still empty for it, and then meet that of the old one, empty by now. So the
new table is added first, and the old one deleted in a second transaction: between them only what both allow passes.
"""

import subprocess
from pathlib import Path

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.namespaces import in_network_of

__all__ = ["TABLES", "apply", "network_of"]

TABLES = ("pba-policies-1", "pba-policies-2")
"""Their names (of the family `inet`); two are there only at the moment of a change, or after one that was cut short."""
_SECONDS = 20.0


def apply(process: int, rules: str) -> None:
    """Make the rules of the network that a process is in; on an error the former ones stand, too.

    Args:
        process: its number.
        rules: the content of a table (`ruleset`).

    Raises:
        ClusterError: the kernel or nft refuses them.
        OSError: the process has ended, or there is no nft.
    """
    with in_network_of(process):
        there = _nft("list", "tables", "inet")
        new, old = TABLES if TABLES[1] in there else TABLES[::-1]
        _nft("-f", "-", text=f"{_no_table(new)}table inet {new} {{\n{rules}}}\n")
        _nft("-f", "-", text=_no_table(old))


def network_of(process: int) -> int:
    """Return what tells the network of a process from others, the same seen from the machine and from the hub.

    Raises:
        OSError: the process has ended.
    """
    return Path(f"/proc/{process}/ns/net").stat().st_ino


def _no_table(name: str) -> str:
    """Return the commands after which there is no such table: one can only be deleted if it is there."""
    return f"table inet {name} {{ }}\ndelete table inet {name}\n"


def _nft(*arguments: str, text: str = "") -> str:
    try:
        done = subprocess.run(
            ["nft", *arguments], input=text, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"nft has not ended after {_SECONDS:.0f} s") from error
    if done.returncode:
        raise ClusterError(f"nft: {done.stderr.strip()}")
    return done.stdout
