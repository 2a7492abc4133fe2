"""From a fresh checkout to a Python that has what the cases need: the packages of the tests, and the built wheel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

from pba_hack.bench.options import parser
from pba_hack.checkout import CHECKOUT
from pba_hack.venv import ensure_venv, venv_with_wheel

PATHS = (CHECKOUT / "hack", CHECKOUT / "tests" / "simulation", CHECKOUT / "tests" / "lab")
"""Where the tools are, what stands for nodes and MySQL, and HAProxy and the sidecar as processes."""


def main(argv: Sequence[str]) -> NoReturn:
    """Go on as `pba_hack.bench.cli` there, if there is anything to do."""
    parser().parse_args(argv)
    venv = venv_with_wheel(ensure_venv(("operator", "sync"), "test"))
    python = str(venv / "bin" / "python")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS))}
    os.execve(python, [python, "-m", "pba_hack.bench.cli", *argv], environment)  # noqa: S606 - no shell is meant
