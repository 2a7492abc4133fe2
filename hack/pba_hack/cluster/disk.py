"""Room on the machine's disks, looked at before it is needed."""

import shutil
from pathlib import Path

from pba_hack import cache
from pba_hack.cluster.errors import MissingError

__all__ = ["GIB", "require"]

GIB = 1 << 30


def require(path: Path, needed: int, purpose: str) -> None:
    """See that there is room.

    Raises:
        MissingError: less than `needed` bytes are free where `path` is or will be.
    """
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise MissingError(
            f"{there} has {free / GIB:.1f} GiB free, and {purpose} need {needed / GIB:.0f}: make room there"
            + (
                ", or set PBA_CACHE to a folder on a larger disk"
                if cache.root() in (path, *path.parents)
                else ""
            )
        )
