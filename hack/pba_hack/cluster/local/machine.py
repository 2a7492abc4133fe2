"""What the machine must have before a cluster can be brought up, and how to get what is missing."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pba_hack import cache
from pba_hack.cluster import disk
from pba_hack.cluster.errors import MissingError
from pba_hack.progress import CommandFailedError, Progress, run

__all__ = ["NEEDED", "check", "check_root", "install_packages"]

_STATE_BYTES = 6 * disk.GIB
NEEDED = (
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("iptables", "iptables"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("openssl", "openssl"),
    ("nsenter", "util-linux"),
    ("busybox", "busybox-static"),
)
"""Program, and the Debian package that holds it."""
_STATIC = frozenset({"busybox"})
"""These go into an image alone, so they must bring their libraries with them."""
_HEAD_BYTES = 4096


def check(state_root: Path) -> None:
    """See that this can work at all.

    Raises:
        MissingError: Something is missing that we cannot install.
    """
    if sys.platform != "linux":
        raise MissingError("the cluster needs Linux; on other systems start Docker: then kind is used")
    check_root()
    disk.require(state_root, _STATE_BYTES, "the cluster's images and volumes")


def check_root() -> None:
    """See that we may work with namespaces.

    Raises:
        MissingError: We may not.
    """
    if os.geteuid() != 0:
        raise MissingError(
            "the cluster needs root for its namespaces: run the command with sudo, or start Docker: "
            "then kind is used"
        )


def install_packages(progress: Progress, needed: Sequence[tuple[str, str]] = NEEDED) -> None:
    """Install the Debian packages of programs that are missing.

    Raises:
        MissingError: There is no apt, or it fails.
    """
    packages = sorted({package for program, package in needed if not _is_there(program)})
    if not packages:
        return
    hint = f"install the packages {' '.join(packages)} (names of Debian)"
    if not shutil.which("apt-get"):
        raise MissingError(f"this machine has no apt: {hint} by hand")
    log = cache.folder("log") / "apt.log"
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["-o", "DPkg::Lock::Timeout=300", "-q"]
    with progress.step(f"Debian packages {' '.join(packages)}", announce=True):
        try:
            run(["apt-get", *quiet, "update"], log=log, env=env, progress=progress)
            run(["apt-get", *quiet, "install", "-y", "--no-install-recommends", *packages],
                log=log, env=env, progress=progress)  # fmt: skip
        except CommandFailedError as error:
            raise MissingError(f"{error}\n{hint} by hand") from error


def _is_there(program: str) -> bool:
    if program.startswith("/"):
        return Path(program).exists()
    found = shutil.which(program)
    return found is not None and (program not in _STATIC or _is_static(Path(found)))


def _is_static(program: Path) -> bool:
    """Whether an ELF program names no dynamic linker: its path stands right after the headers."""
    with program.open("rb") as content:
        return b"/ld-" not in content.read(_HEAD_BYTES)
