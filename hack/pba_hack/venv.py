"""Virtual environments in the cache: with what the project needs, and, apart from those, with the project's wheel.

Tests and images use the installed wheel, never the source folder: a file that the wheel forgets must show. What the
project needs is shared by all checkouts that ask for the same; a wheel is not, or one checkout's tests would run
another one's operator as soon as that installs its own: each content has an environment that nobody writes to again.
The versions are those of `hack/constraints.txt`, so every machine gets the same ones.
"""

import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pba_hack import cache
from pba_hack.checkout import CHECKOUT
from pba_hack.progress import Progress, run

__all__ = ["CHECKOUT", "build_wheel", "ensure_venv", "venv_with_wheel", "wheel_key"]

_CONSTRAINTS = CHECKOUT / "hack" / "constraints.txt"
_DONE = ".pba-complete"


def ensure_venv(extras: Sequence[str], group: str | None = None, progress: Progress | None = None) -> Path:
    """Return a virtual environment with what the project needs, but without the project.

    Args:
        extras: names of `[project.optional-dependencies]`.
        group: a name of `[dependency-groups]`, or None.
        progress: told when it takes long.

    Returns:
        the environment's folder (`bin/python` in it); the same one as long as the dependencies are the same.
    """
    requirements = _requirements(extras, group)
    constraints = _CONSTRAINTS.read_bytes()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = cache.content_key(version, json.dumps(requirements), constraints)

    def create(venv: Path) -> None:
        told = progress or Progress()
        with told.step(f"Python packages for {', '.join([*extras, group or ''])}", announce=True):
            _create(venv, requirements, told)

    return _made_once(key, create)


def wheel_key() -> str:
    """Return what the wheel's content depends on, as a short hash."""
    sources = cache.files_under(CHECKOUT / "operator", CHECKOUT / "pyproject.toml", CHECKOUT / "README.md")
    return cache.content_key(files=sources, base=CHECKOUT)


def build_wheel(venv: Path) -> Path:
    """Return the project's wheel for the present sources, built by the environment's hatchling, without network.

    Args:
        venv: an environment that holds hatchling (the group `test`).

    Returns:
        The wheel's path in the cache.
    """

    def build(scratch: Path) -> None:
        command = ["-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch)]
        run([venv / "bin" / "python", *command], cwd=CHECKOUT, log=cache.folder("log") / "wheel.log")

    [wheel] = cache.kept("wheel", wheel_key(), build).glob("*.whl")
    return wheel


def venv_with_wheel(venv: Path) -> Path:
    """Return an environment of its own for the present sources: their wheel, and all that `venv` holds.

    Its `bin/python` imports the wheel's packages, and so does whatever is started by it, the wheel's programs beside
    it included; no variable has to be handed down.

    Args:
        venv: an environment that holds hatchling (the group `test`).
    """

    def create(made: Path) -> None:
        python, log = venv / "bin" / "python", cache.folder("log") / "wheel.log"
        run([python, "-m", "venv", "--without-pip", made], log=log)
        # Before the other environment shows in it: what an older version installed there is none of ours.
        into = ["--python", str(made / "bin" / "python")]
        run([*_pip_install(venv, into), "--no-index", "--no-deps", str(build_wheel(venv))], log=log)
        shown = f"import site; site.addsitedir({str(_packages(venv))!r})\n"
        (_packages(made) / "pba-needs.pth").write_text(shown)

    return _made_once(cache.content_key(venv.name, wheel_key()), create)


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


def _made_once(key: str, create: Callable[[Path], None]) -> Path:
    """Return the environment of that name; made where it stays, since its programs name their interpreter's place."""
    venv = cache.folder("venv") / key
    if (venv / _DONE).exists():
        return venv
    with cache.lock(f"venv-{key}"):
        if not (venv / _DONE).exists():
            shutil.rmtree(venv, ignore_errors=True)
            create(venv)
            (venv / _DONE).touch()
    return venv


def _create(venv: Path, requirements: Sequence[str], progress: Progress) -> None:
    log = cache.folder("log") / "venv.log"
    run([sys.executable, "-m", "venv", venv], log=log)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(requirements) + "\n")
        listed.flush()
        run([*_pip_install(venv), "-c", str(_CONSTRAINTS), "-r", listed.name], log=log, progress=progress)


def _packages(venv: Path) -> Path:
    return venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _pip_install(venv: Path, options: Sequence[str] = ()) -> list[str]:
    return [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *options, "install"]
