"""Virtual environments in the cache, and the project's wheel installed into them.

Tests and images use the installed wheel, never the source folder: a file that the wheel forgets must show.
The versions are those of `hack/constraints.txt`, so every machine gets the same ones.
"""

import contextlib
import fcntl
import json
import shutil
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pba_hack import cache
from pba_hack.progress import Progress, run

__all__ = ["CHECKOUT", "build_wheel", "ensure_venv", "install_wheel", "unpacked_wheel", "wheel_key"]

CHECKOUT = Path(__file__).resolve().parents[2]
_CONSTRAINTS = CHECKOUT / "hack" / "constraints.txt"
_DONE = ".pba-complete"
_WHEEL = ".pba-wheel"


def ensure_venv(extras: Sequence[str], group: str | None = None, progress: Progress | None = None) -> Path:
    """A virtual environment with what the project needs, but without the project.

    Args:
        extras: Names of `[project.optional-dependencies]`.
        group: A name of `[dependency-groups]`, or None.
        progress: Told when it takes long.

    Returns:
        The environment's folder (`bin/python` in it); the same one as long as the dependencies are the same.
    """
    requirements = _requirements(extras, group)
    constraints = _CONSTRAINTS.read_bytes()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = cache.content_key(version, json.dumps(requirements), constraints)
    venv = cache.folder("venv") / key
    if (venv / _DONE).exists():
        return venv
    with cache.lock(f"venv-{key}"):
        if not (venv / _DONE).exists():
            progress = progress or Progress()
            with progress.step(f"Python packages for {', '.join([*extras, group or ''])}", announce=True):
                _create(venv, requirements, progress)
    return venv


def wheel_key() -> str:
    """What the wheel's content depends on, as a short hash."""
    sources = cache.files_under(CHECKOUT / "operator", CHECKOUT / "pyproject.toml", CHECKOUT / "README.md")
    return cache.content_key(files=sources, base=CHECKOUT)


def build_wheel(venv: Path) -> Path:
    """The project's wheel for the present sources, built by the environment's hatchling, without network.

    Args:
        venv: An environment that holds hatchling (the group `test`).

    Returns:
        The wheel's path in the cache.
    """

    def build(scratch: Path) -> None:
        command = ["-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch)]
        run([venv / "bin" / "python", *command], cwd=CHECKOUT, log=cache.folder("log") / "wheel.log")

    [wheel] = cache.kept("wheel", wheel_key(), build).glob("*.whl")
    return wheel


def unpacked_wheel(venv: Path) -> Path:
    """The project's wheel for the present sources in a folder that nobody writes to again.

    For what runs long: the wheel in an environment is replaced as soon as another checkout installs its own.

    Args:
        venv: An environment that holds hatchling (the group `test`).

    Returns:
        What to put on Python's path, before the environment's own packages.
    """
    wheel = build_wheel(venv)
    return cache.kept("unpacked", wheel_key(), lambda scratch: zipfile.ZipFile(wheel).extractall(scratch))


def install_wheel(venv: Path) -> None:
    """Install the project's wheel for the present sources into the environment, unless it is there."""
    key = wheel_key()
    stamp = venv / _WHEEL
    with _locked(venv):
        if stamp.exists() and stamp.read_text() == key:
            return
        stamp.unlink(missing_ok=True)
        options = ["--no-index", "--no-deps", "--force-reinstall", str(build_wheel(venv))]
        run([*_pip_install(venv), *options], log=cache.folder("log") / "wheel.log")
        stamp.write_text(key)


def _requirements(extras: Sequence[str], group: str | None) -> list[str]:
    project: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    found = list(project["project"]["dependencies"])
    for extra in extras:
        found += project["project"]["optional-dependencies"][extra]
    if group:
        found += _group(project["dependency-groups"], group)
    return sorted(set(found))


def _group(groups: Mapping[str, Sequence[Any]], name: str) -> list[str]:
    """Return what a dependency group asks for, with the groups that it includes (PEP 735)."""
    found = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else _group(groups, entry["include-group"])
    return found


def _create(venv: Path, requirements: Sequence[str], progress: Progress) -> None:
    log = cache.folder("log") / "venv.log"
    shutil.rmtree(venv, ignore_errors=True)
    run([sys.executable, "-m", "venv", venv], log=log)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(requirements) + "\n")
        listed.flush()
        run([*_pip_install(venv), "-c", str(_CONSTRAINTS), "-r", listed.name], log=log, progress=progress)
    (venv / _DONE).touch()


def _pip_install(venv: Path) -> list[str]:
    return [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]


@contextlib.contextmanager
def _locked(venv: Path) -> Iterator[None]:
    with (venv / ".pba-lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
