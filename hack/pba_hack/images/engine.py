"""The same images by a Docker engine, where the cluster is of `kind`, which takes the same archives.

Our own images come from the Dockerfiles in `docker/`, the servers from their official images.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pba_hack import cache
from pba_hack.checkout import CHECKOUT
from pba_hack.progress import Progress, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pba_hack.images.recipes import PythonImage, ServerImage

DOCKERFILES = Path(__file__).parent / "docker"


def program_sources(image: PythonImage) -> Sequence[Path]:
    """Return all files that the image's Dockerfile copies."""
    project = CHECKOUT / image.project
    package = CHECKOUT / "operator" if project.resolve() == CHECKOUT else project
    shared = (CHECKOUT / "hack" / "constraints.txt", project / "pyproject.toml", project / "README.md")
    return cache.files_under(DOCKERFILES / f"{image.name}.Dockerfile", package, *shared)


def build_program(image: PythonImage, reference: str, tar: Path) -> None:
    """Build a program's image by its Dockerfile, and save it as the archive `tar`."""
    file = DOCKERFILES / f"{image.name}.Dockerfile"
    with Progress().step(f"{image.name}: docker build", announce=True):
        _docker("build", "--file", str(file), "--tag", reference, str(CHECKOUT))
        _docker("save", "--output", str(tar), reference)


def fetch_server(image: ServerImage, reference: str, tar: Path) -> None:
    """Save the official image of a server as the archive `tar`, under our reference.

    As the base of an image of our own without anything added: Docker's containerd store (the default since Docker 29)
    saves the index of all platforms of what it has pulled, with the layers of one, and `kind load` ends at the first
    that is missing (kubernetes-sigs/kind#3795). What is built here has one platform. `docker save --platform` would
    do, too, but older engines do not have it.
    """
    with Progress().step(f"{image.name}: docker pull {image.official}", announce=True):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "Dockerfile").write_text(f"FROM {image.official}\n")
            _docker("build", "--pull", "--tag", reference, folder)
        _docker("save", "--output", str(tar), reference)


def _docker(*arguments: str) -> None:
    run(["docker", *arguments], log=cache.folder("log") / "images.log")
