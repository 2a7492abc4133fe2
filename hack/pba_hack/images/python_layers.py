"""The layers of the Python images: an interpreter that they share, what a program depends on, the program.

A change of the project's code makes a new last layer only, which is small. What must stay true: all byte code
is compiled beforehand, because the containers' root file systems are read-only, and a pod that compiles at
each start is slow to get ready.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

from pba_hack import cache
from pba_hack.images import layers, rootfs, tarball
from pba_hack.images.layers import KIND, Layer
from pba_hack.images.recipes import COMPILE, PYTHON_ROOT, PYTHON_VERSION
from pba_hack.progress import Progress, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pba_hack.images.recipes import PythonImage

FORMAT = "2"
"""Part of the keys of these layers: raise it when the same inputs begin to give other bytes."""

PACKAGES = f"/usr/local/lib/python{PYTHON_VERSION}/dist-packages"
"""Where Debian's interpreter looks for what does not come from Debian."""

_SCRIPT = """#!/usr/bin/python3
import sys

from {module} import {function}

sys.exit({function}())
"""


def interpreter() -> Layer:
    """Return the layer with Debian's Python, shared by all Python images."""
    return layers.debian_layer("python", PYTHON_ROOT)


def dependencies(image: PythonImage, requirements: Sequence[str], constraints: str, python: Path) -> Layer:
    """Return the layer with the wheels that `requirements` ask for, in exactly the versions of `constraints`.

    Args:
        image: whose dependencies these are.
        requirements: as in a project's metadata, such as `kopf~=1.45.2`.
        constraints: the text of a constraints file.
        python: an interpreter of this machine that has pip.
    """
    base = interpreter()
    inputs = (FORMAT, base.key, json.dumps([sorted(requirements), image.unused]), constraints)
    key = f"{image.name}-dependencies-{cache.content_key(*inputs, platform.machine())}"

    def build(scratch: Path) -> None:
        with Progress().step(f"{image.name}: what it depends on, for Python {PYTHON_VERSION}", announce=True):
            (scratch / "constraints.txt").write_text(constraints, "utf-8")
            _pip_install(scratch, requirements, python)
            _drop_scripts(scratch / "packages")
            for unused in image.unused:
                shutil.rmtree(scratch / "packages" / unused)
            _compile(scratch / "packages", base)
            tarball.from_folders({PACKAGES: scratch / "packages"}, scratch / "layer.tar")
            shutil.rmtree(scratch / "packages")

    return Layer(key, cache.kept(KIND, key, build) / "layer.tar")


def program(name: str, wheel: Path, scripts: Mapping[str, str]) -> Layer:
    """Return the layer with the program in `wheel`, and a script in the PATH for each of `scripts`.

    Args:
        name: for people who look into the cache.
        wheel: a pure wheel.
        scripts: command -> `module:function`.
    """
    base = interpreter()
    inputs = (FORMAT, base.key, json.dumps(dict(scripts), sort_keys=True), wheel.read_bytes())
    key = f"{name}-program-{cache.content_key(*inputs)}"

    def build(scratch: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(scratch / "packages")
        _compile(scratch / "packages", base)
        commands = scratch / "commands"
        commands.mkdir()
        for command, target in scripts.items():
            module, function = target.split(":")
            (commands / command).write_text(_SCRIPT.format(module=module, function=function), "utf-8")
            (commands / command).chmod(0o755)
        tarball.from_folders(
            {PACKAGES: scratch / "packages", "/usr/local/bin": commands}, scratch / "layer.tar"
        )
        shutil.rmtree(scratch / "packages")
        shutil.rmtree(commands)

    return Layer(key, cache.kept(KIND, key, build) / "layer.tar")


def _pip_install(scratch: Path, requirements: Sequence[str], python: Path) -> None:
    machine = platform.machine()
    platforms = [f"manylinux_2_28_{machine}", f"manylinux_2_17_{machine}", f"manylinux2014_{machine}", "any"]
    tag = "cp" + PYTHON_VERSION.replace(".", "")
    command = [
        "nice",
        str(python),
        "-m",
        "pip",
        "install",
        "--no-compile",
        "--target",
        str(scratch / "packages"),
    ]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON_VERSION]
    command += [word for abi in (tag, "abi3", "none") for word in ("--abi", abi)]
    command += [word for name in platforms for word in ("--platform", name)]
    command += ["--constraint", str(scratch / "constraints.txt"), *requirements]
    run(command, log=cache.folder("log") / "images.log")


def _drop_scripts(folder: Path) -> None:
    """Remove the packages' scripts, which name this machine's interpreter, and all trace of them."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for record in folder.glob("*.dist-info/RECORD"):
        lines = record.read_text("utf-8").splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not line.startswith("../../bin/")), "utf-8")


def _compile(folder: Path, base: Layer) -> None:
    """Compile all modules in `folder` with the image's own interpreter; only sources decide on the result."""
    root = rootfs.unpacked(base)
    command = rootfs.command(root, f"/usr/bin/python{PYTHON_VERSION}", "-m", "compileall", *COMPILE.split())
    command += ["-s", str(folder), "-p", PACKAGES, str(folder)]
    environment = {"PATH": os.environ["PATH"], "PYTHONHOME": f"{root}/usr", "PYTHONHASHSEED": "0"}
    subprocess.run(["nice", *command], env=environment, check=True)
