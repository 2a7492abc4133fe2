"""The programs of ours that commands inside of a cluster find first, whichever provider it has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pba_hack.cluster import binaries

__all__ = ["TOOLS", "link"]

TOOLS: Final = ("kubectl", "helm")


def link(folder: Path) -> None:
    """Put links to those of `TOOLS` that are built into a folder, made if missing; its parent must be there.

    What is not built is left out: the machine may have one of its own, further on in the PATH.
    """
    folder.mkdir(exist_ok=True)
    for name in TOOLS:
        program, there = binaries.built(name), folder / name
        if program and not (there.is_symlink() and there.readlink() == program):
            # In one step: another command may do the same just now.
            partial = folder / f".{name}-{os.getpid()}"
            partial.symlink_to(program)
            partial.replace(there)
