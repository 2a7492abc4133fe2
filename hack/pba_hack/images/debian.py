"""Root file systems made of Debian packages with mmdebstrap.

The archive's address is whatever this machine's apt uses (a mirror, a proxy, a snapshot): nothing here names
a host. Another suite than the machine's own is taken from the same address.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pba_hack.images.tarball import EPOCH

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PASSED_ON = ("Acquire::http::", "Acquire::https::", "Acquire::Retries", "Acquire::Check-")
"""Settings of the machine's apt that the archive's address may need: proxies, certificates, limits."""


class CannotBuildError(RuntimeError):
    """An image cannot be built here; the message says what is missing, and how to get it."""


@dataclass(frozen=True)
class DebianRoot:
    """Debian packages of one suite, with what they depend on.

    Attributes:
        suite: Debian's release, such as `trixie`.
        packages: names of packages.
        commands: shell commands, run inside the new root file system when all packages are installed.
        drop: absolute path patterns with wildcards; what matches is left out.
    """

    suite: str
    packages: tuple[str, ...]
    commands: tuple[str, ...]
    drop: tuple[str, ...]


def bootstrap(root: DebianRoot, target: Path) -> None:
    """Write the root file system as the tar archive `target`.

    Raises:
        CannotBuildError: mmdebstrap, root rights, Debian's keyring or the suite are missing.
    """
    require({"mmdebstrap": Path("/usr/bin/mmdebstrap"), "debian-archive-keyring": KEYRING})
    source = f"deb [signed-by={KEYRING}] {mirror()} {root.suite} main"
    settings = [f"--aptopt={line}" for line in _apt_settings()]
    command = ["nice", "mmdebstrap", "--quiet", "--mode=root", "--variant=essential", *settings]
    command += [f'--customize-hook=chroot "$1" sh -c {shlex.quote(line)}' for line in root.commands]
    command += [f"--include={','.join(root.packages)}", root.suite, str(target), source]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH), "TMPDIR": str(target.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuildError(
            f"mmdebstrap could not install {', '.join(root.packages)} from Debian {root.suite}:\n"
            + "\n".join(done.stderr.splitlines()[-15:])
        )


def mirror() -> str:
    """Return the address from which this machine's apt takes its Debian packages."""
    codename = _os_release().get("VERSION_CODENAME", "")
    command = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages",
    ]
    targets = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in targets.splitlines():
        address, release, component = line.rsplit(" ", 2)
        if (release, component) == (codename, "main"):
            return address
    raise CannotBuildError(
        f"apt on this machine has no Debian archive for its own release ({codename or 'unknown'}): images "
        "are made of Debian packages, so use a Debian machine, or one with a Docker engine"
    )


def require(packages: Mapping[str, Path]) -> None:
    """Install those Debian packages on this machine that it lacks.

    Args:
        packages: name of a package -> a file of it, by which we see that it is there.

    Raises:
        CannotBuildError: they are missing and cannot be installed, or this is no Debian machine, or we are not root.
    """
    if os.geteuid() != 0:
        raise CannotBuildError("making images of Debian packages needs root: run it with sudo")
    if _os_release().get("ID") != "debian":
        raise CannotBuildError(
            "making images of Debian packages needs a Debian machine (or use a Docker engine)"
        )
    missing = [package for package, path in packages.items() if not path.exists()]
    if not missing:
        return
    for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", *missing]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotBuildError(
                f"{' and '.join(missing)} are missing; `{' '.join(command)}` failed:\n{done.stderr.strip()}"
            )


def _apt_settings() -> list[str]:
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    settings = [line for line in dump.splitlines() if line.startswith(_PASSED_ON)]
    # A frozen copy of an archive is older than its own expiry date; its signature is verified all the same.
    return [*settings, 'Acquire::Check-Valid-Until "false";']


def _os_release() -> dict[str, str]:
    pairs = (
        line.split("=", 1) for line in Path("/etc/os-release").read_text("utf-8").splitlines() if "=" in line
    )
    return {key: value.strip('"') for key, value in pairs}


def architecture() -> str:
    """Return Debian's name of this machine's processor architecture."""
    return subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
