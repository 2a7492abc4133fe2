"""Images as archives that a node can import: which layers, how a container starts, under which reference."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pba_hack import cache, oci
from pba_hack.binaries import binary
from pba_hack.checkout import CHECKOUT
from pba_hack.cluster.choice import chosen
from pba_hack.images import engine, layers, python_layers, recipes
from pba_hack.images.debian import CannotBuildError
from pba_hack.images.wheel import project_wheel
from pba_hack.venv import ensure_venv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pba_hack.images.layers import Layer
    from pba_hack.images.recipes import NativeImage, PythonImage, ServerImage

NAMES = (*recipes.PROGRAMS, *recipes.SERVERS)
"""What a cluster with the operator and the demo needs."""
ALL = (*NAMES, *recipes.NATIVES)
KIND = "images"

_KEPT = 3
"""Archives of one image that stay in the cache: the one in use, and a few to go back to."""

_PYTHON_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Image:
    """A finished image.

    Attributes:
        name: its name in `hack/images`.
        reference: its name for Kubernetes, such as `localhost/mysql:9.7.4`.
        tar: the OCI archive.
    """

    name: str
    reference: str
    tar: Path


def build(name: str) -> Image:
    """Return the image `name`, made if the cache lacks it: by a Docker engine for kind, without for a local cluster.

    A program that is alone in its image needs no engine for either.

    Raises:
        CannotBuildError: no image is called so, or something is missing on this machine.
        ClusterError: there is no such provider as is asked for.
    """
    if name not in ALL:
        raise CannotBuildError(f"no image is called {name}: there are {', '.join(ALL)}")
    if name in recipes.NATIVES:
        return _native(recipes.NATIVES[name])
    if chosen() == "kind":
        return _by_engine(name)
    return _server(recipes.SERVERS[name]) if name in recipes.SERVERS else _program(recipes.PROGRAMS[name])


def _by_engine(name: str) -> Image:
    if name in recipes.SERVERS:
        server = recipes.SERVERS[name]
        reference = f"localhost/{server.official}"
        return _kept(name, reference, reference, lambda tar: engine.fetch_server(server, reference, tar))
    program = recipes.PROGRAMS[name]
    key = cache.content_key(files=engine.program_sources(program), base=CHECKOUT)
    reference = f"localhost/{program.repository}:{key}"
    return _kept(name, reference, key, lambda tar: engine.build_program(program, reference, tar))


def _server(image: ServerImage) -> Image:
    layer = layers.debian_layer(image.name, image.root)
    tag = upstream_version(layers.packages(layer)[image.package])
    config = oci.ImageConfig(command=image.command)
    return _archive(image.name, f"localhost/{image.name}:{tag}", [layer], config)


def _native(image: NativeImage) -> Image:
    program = binary(image.name)
    config = oci.ImageConfig(entrypoint=image.entrypoint, user=f"{recipes.UID}:{recipes.UID}")
    key = cache.content_key(image.name, json.dumps(asdict(config)), files=[program])
    reference = f"localhost/{image.name}:{key}"

    def make(tar: Path) -> None:
        layer = tar.with_suffix(".layer")
        oci.write_files_layer(layer, {image.entrypoint[0].lstrip("/"): program})
        oci.write_archive(tar, reference, [layer], config)
        layer.unlink()

    return _kept(image.name, reference, key, make)


def _program(image: PythonImage) -> Image:
    python = ensure_venv(("operator", "sync"), "test") / "bin" / "python"
    project = CHECKOUT / image.project
    constraints = (CHECKOUT / "hack" / "constraints.txt").read_text("utf-8")
    parts = [
        python_layers.interpreter(),
        python_layers.dependencies(image, requirements(project, image.extra), constraints, python),
        python_layers.program(image.name, project_wheel(project, python), {image.command: image.entry_point}),
    ]
    config = oci.ImageConfig(
        entrypoint=(f"/usr/local/bin/{image.command}",),
        user=f"{recipes.UID}:{recipes.UID}",
        env=_PYTHON_ENVIRONMENT,
    )
    tag = cache.content_key(*(part.key for part in parts), json.dumps(asdict(config)))
    return _archive(image.name, f"localhost/{image.repository}:{tag}", parts, config)


def requirements(project: Path, extra: str) -> list[str]:
    """Return what the project in the folder `project` requires, with its extra unless that is empty."""
    metadata: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    return [*metadata["dependencies"], *(metadata["optional-dependencies"][extra] if extra else [])]


def upstream_version(version: str) -> str:
    """Return the version of a Debian package's software: `3.0.11-1+deb13u4` is HAProxy 3.0.11."""
    return version.rpartition(":")[2].rpartition("-")[0] or version


def _archive(name: str, reference: str, parts: Sequence[Layer], config: oci.ImageConfig) -> Image:
    key = cache.content_key(reference, *(part.key for part in parts), json.dumps(asdict(config)))
    tars = [part.tar for part in parts]
    return _kept(name, reference, key, lambda tar: oci.write_archive(tar, reference, tars, config))


def _kept(name: str, reference: str, key: str, make: Callable[[Path], object]) -> Image:
    def build_archive(scratch: Path) -> None:
        make(scratch / f"{name}.tar")

    folder = cache.kept(KIND, f"{name}-{cache.content_key(key)}", build_archive)
    os.utime(folder)
    _prune(name)
    return Image(name, reference, folder / f"{name}.tar")


def _prune(name: str) -> None:
    with cache.lock(f"{KIND}-prune"):
        folders = sorted(cache.folder(KIND).glob(f"{name}-*"), key=lambda path: path.stat().st_mtime)
        for folder in folders[:-_KEPT]:
            shutil.rmtree(folder)
