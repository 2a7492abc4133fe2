"""The Dockerfiles built without a Docker engine, by buildah: so they are tried on machines that have none.

No registry of images is asked. The official image of Python that the Dockerfiles begin with is played by one
of Debian's packages, under its name. What only the official image has (its patch level, its files' places) is
not tried.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pba_hack import cache, oci
from pba_hack.checkout import CHECKOUT
from pba_hack.images import debian, layers
from pba_hack.images.debian import DebianRoot
from pba_hack.images.engine import DOCKERFILES
from pba_hack.progress import Progress, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pba_hack.images.recipes import PythonImage

_PIP = "/usr/share/python-wheels/pip-*.whl"
STAND_IN = DebianRoot(
    suite="trixie",
    packages=("ca-certificates", "python3", "python3-venv"),
    commands=(
        "rm /usr/lib/python3.*/EXTERNALLY-MANAGED",
        f"set -- {_PIP}; PYTHONPATH=$1 python3 -m pip install --no-index --no-compile --root-user-action ignore $1",
        "ln -s /usr/bin/python3 /usr/local/bin/python",
        "find / -xdev -name '*.pyc' -delete",
    ),
    drop=(),
)
"""Python as the official image has it: `python` and `pip` in /usr/local, a pip that may install, and no byte code."""

_ABOUT_THE_INDEX = ("cert", "extra-index-url", "index-url", "proxy", "retries", "timeout", "trusted-host")
"""Settings of this machine's pip that a build needs to reach the same index."""


@dataclass(frozen=True)
class Built:
    """An image that is built, as a container of it sees it.

    Attributes:
        container: buildah's name of the container.
        root: the container's root file system.
        config: how the image starts, in the image's own words: `User`, `Entrypoint`, `Env`.
    """

    container: str
    root: Path
    config: Mapping[str, Any]


class Buildah:
    """Builds images into the folder `store`, and starts containers of them."""

    def __init__(self, store: Path) -> None:
        debian.require({"buildah": Path("/usr/bin/buildah")})
        folders = ["--root", str(store / "images"), "--runroot", str(store / "run")]
        self._command = ["nice", "buildah", *folders, "--storage-driver", "vfs"]
        self._store = store

    def build(self, image: PythonImage) -> Built:
        """Build a program's image by its Dockerfile."""
        file = DOCKERFILES / f"{image.name}.Dockerfile"
        self._have_base(file)
        with Progress().step(f"{image.name}: buildah build", announce=True):
            command = ["build", "--isolation", "chroot", "--pull-never", *self._pip_settings()]
            command += ["--file", str(file), "--tag", f"localhost/{image.repository}", str(CHECKOUT)]
            run([*self._command, *command], log=cache.folder("log") / "images.log")
        container = self._ask("from", "--pull-never", f"localhost/{image.repository}")
        inspected = json.loads(self._ask("inspect", "--type", "image", f"localhost/{image.repository}"))
        return Built(container, Path(self._ask("mount", container)), inspected["OCIv1"]["config"])

    def command(self, built: Built, *words: str) -> list[str]:
        """Return the argument list that runs `words` in the image's container, as its user.

        Who kills the process kills all that runs there.
        """
        own_processes = ["unshare", "--pid", "--mount-proc", "--fork", "--kill-child"]
        return [*own_processes, *self._command, "run", "--isolation", "chroot", built.container, "--", *words]

    def _have_base(self, file: Path) -> None:
        [name] = re.findall(r"^FROM (\S+:\S+)", file.read_text("utf-8"), re.MULTILINE)
        archive = self._store / f"{cache.content_key(name)}.tar"
        if archive.exists():
            return
        layer = layers.debian_layer("official-python", STAND_IN)
        oci.write_archive(archive, f"docker.io/library/{name}", [layer.tar], oci.ImageConfig())
        self._ask("pull", f"oci-archive:{archive}")

    def _pip_settings(self) -> list[str]:
        """Return the options that tell the build, but not the image, how this machine's pip reaches its index."""
        command = [sys.executable, "-m", "pip", "config", "list"]
        settings = index_settings(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        )
        file = self._store / "pip.conf"
        file.write_text("[global]\n" + "".join(f"{name} = {settings[name]}\n" for name in settings), "utf-8")
        mounts = [f"{file}:/etc/pip.conf:ro"]
        if certificates := settings.get("cert"):
            mounts.append(f"{certificates}:{certificates}:ro")
        return [word for mount in mounts for word in ("--volume", mount)]

    def _ask(self, *arguments: str) -> str:
        asked = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=True)
        return asked.stdout.strip()


def index_settings(listed: Sequence[str]) -> dict[str, str]:
    """Return what pip's configuration says about its index, as values of a configuration file.

    Args:
        listed: the lines of `pip config list`, such as `global.index-url='...'`; the environment's, which count
            more than any file's, begin with `:env:`.
    """
    settings = {}
    for line in sorted(listed, key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = str(ast.literal_eval(value)).replace("\n", "\n  ")
    return {name: settings[name] for name in settings if name in _ABOUT_THE_INDEX}
