"""Where finished layers and archives are kept: one file or folder for each hash of inputs.

What must stay true: an entry is complete or absent (it is made beside its place and renamed), one process makes
it while others wait, and what is there is used without any look outside.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def folder() -> Path:
    """Return the folder of the images in the project's cache."""
    base = os.environ.get("PBA_CACHE") or Path.home() / ".cache" / "pba-operator"
    return Path(base) / "images"


def key(*inputs: Any) -> str:
    """Return the hash of `inputs`: whatever JSON can write, in the order given."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def entry(name: str, make: Callable[[Path], None]) -> Path:
    """Return the cache's entry `name` (a path in `folder()`), made by `make(path)` if it is not there."""
    place = folder() / name
    if place.exists():
        os.utime(place)
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _lock(place):
        if not place.exists():
            _make(place, make)
    return place


def prune(pattern: str, keep: int) -> None:
    """Remove all but the `keep` entries last used of those that match the glob `pattern`."""
    entries = sorted(folder().glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in entries[keep:]:
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)


def _make(place: Path, make: Callable[[Path], None]) -> None:
    work = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    try:
        work.chmod(0o755)  # mmdebstrap's helpers drop root's rights on the way
        make(work / place.name)
        (work / place.name).rename(place)
    finally:
        shutil.rmtree(work)


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    locks = folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / key(str(place))).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
