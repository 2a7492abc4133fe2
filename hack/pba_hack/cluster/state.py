"""What the last `up` has reached, so that the next command knows what it finds.

A cluster is *starting* from before its first process until it is whole, and *ready* from then on. A *starting*
cluster that nobody holds the lock of is one whose `up` was killed; a *ready* one without processes is one whose
machine was restarted. Both are cleared away by the next `up`.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TextIO

from pba_hack.cluster.layout import CommonLayout
from pba_hack.progress import Progress

__all__ = ["State", "locked", "read", "write"]


@dataclass(frozen=True)
class State:
    """The record of one cluster."""

    phase: Literal["starting", "ready"]
    nodes: int


def read(layout: CommonLayout) -> State | None:
    """The cluster's record; None when there is none, or when its writer was killed half-way."""
    try:
        return State(**json.loads(layout.state.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write(layout: CommonLayout, state: State) -> None:
    """Replace the record in one step."""
    partial = layout.state.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(state)) + "\n")
    partial.rename(layout.state)


@contextlib.contextmanager
def locked(layout: CommonLayout, progress: Progress) -> Iterator[None]:
    """Be the only command that changes the cluster.

    The lock's file goes away with the cluster, so a lock counts only if its file is still the one under its name.
    """
    while True:
        with _open(layout.lock) as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.say(f"another command works on the cluster {layout.name}: waiting for it")
                fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_under_its_name(handle.fileno(), layout.lock):
                continue
            try:
                yield
            finally:
                if not layout.folder.exists():
                    layout.lock.unlink()
                    with contextlib.suppress(OSError):  # other clusters are there
                        layout.root.rmdir()
            return


def _open(path: Path) -> TextIO:
    """Open the lock's file; whoever removes the last cluster takes the folder away, too."""
    while True:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return path.open("w")


def _is_under_its_name(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
