"""From a fresh checkout to a Python that has what the cases need: the venv of the tests, with the built wheel in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

from pba_hack.venv import CHECKOUT, ensure_venv, install_wheel

PATHS = (CHECKOUT / "hack", CHECKOUT / "tests" / "simulation")
"""Where the tools are, and what stands for nodes and MySQL."""


def main(argv: Sequence[str]) -> NoReturn:
    """Go on as `pba_hack.bench.cli` in that venv."""
    venv = ensure_venv(("operator", "sync"), "test")
    install_wheel(venv)
    python = str(venv / "bin" / "python")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS))}
    os.execve(python, [python, "-m", "pba_hack.bench.cli", *argv], environment)  # noqa: S606 - no shell is meant
