"""What a measurement ran on: which commit, and which machine. Every record under `docs/measurements` says it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path


def machine() -> str:
    """Return what the measurement ran on: processors, their kind, system, Python."""
    information = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(": ")[2] for line in information.splitlines() if "model name" in line), "")
    processors = information.count("processor\t")
    return f"{processors} x {model or platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def commit(checkout: Path, *, apart: Sequence[str] = ()) -> str:
    """Return the commit that is checked out, with `-dirty` behind it if anything else is there.

    Args:
        checkout: the folder of the checkout.
        apart: what may differ, relative to the checkout: the records that a measurement writes.

    Raises:
        CalledProcessError: it is no checkout of git.
    """
    head = _git(checkout, "rev-parse", "--short=12", "HEAD")
    others = ["--", ".", *(f":(exclude){path}" for path in apart)]
    differs = _git(checkout, "status", "--porcelain", "--untracked-files=all", *others)
    return f"{head}-dirty" if differs else head


def tree(checkout: Path, folder: str) -> str:
    """Return git's hash of a folder as it is committed: the same wherever its content is, also after a rebase.

    Raises:
        CalledProcessError: there is no such folder in the commit.
    """
    return _git(checkout, "rev-parse", "--short=12", f"HEAD:{folder}")


def differing(checkout: Path, then: str, folder: str) -> list[str] | None:
    """Return which files of a folder are others now than at a commit, in their order; None: there is no such commit.

    Args:
        checkout: the folder of the checkout; what is in it counts, committed or not, unless git was never told of it.
        then: the commit.
        folder: relative to the checkout.

    Raises:
        CalledProcessError: it is no checkout of git.
    """
    if f"{then} missing" in _git(checkout, "cat-file", "--batch-check", given=then):
        return None
    return _git(checkout, "diff", "--name-only", then, "--", folder).splitlines()


def _git(checkout: Path, *words: str, given: str | None = None) -> str:
    command = ["git", "-C", str(checkout), *words]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()
