"""Wheels of the projects in this checkout: images get these, so what a wheel forgets shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pba_hack import cache
from pba_hack.checkout import CHECKOUT
from pba_hack.progress import run
from pba_hack.venv import build_wheel

if TYPE_CHECKING:
    from pathlib import Path


def project_wheel(project: Path, python: Path) -> Path:
    """Return the wheel of the project in the folder `project`, built without network.

    Args:
        project: a folder with a pyproject.toml whose build backend is hatchling.
        python: the interpreter of an environment that has hatchling.
    """
    if project.resolve() == CHECKOUT:
        return build_wheel(python.parents[1])

    def build(scratch: Path) -> None:
        command: list[str | Path] = [python, "-m", "hatchling", "build", "-t", "wheel", "-d", scratch]
        run(command, cwd=project, log=cache.folder("log") / "wheel.log")

    key = cache.content_key(files=cache.files_under(project), base=project)
    [wheel] = cache.kept("wheel", f"{project.name}-{key}", build).glob("*.whl")
    return wheel
