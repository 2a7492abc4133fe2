"""From a fresh checkout to a Python that has what the cases need: the packages of the tests, and the built wheel.

The wheel is not installed: an environment is shared, and another checkout may put its own into it while a case runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

from pba_hack.bench.options import parser
from pba_hack.venv import CHECKOUT, ensure_venv, unpacked_wheel

PATHS = (CHECKOUT / "hack", CHECKOUT / "tests" / "simulation")
"""Where the tools are, and what stands for nodes and MySQL."""


def main(argv: Sequence[str]) -> NoReturn:
    """Go on as `pba_hack.bench.cli` there, if there is anything to do."""
    parser().parse_args(argv)
    venv = ensure_venv(("operator", "sync"), "test")
    python = str(venv / "bin" / "python")
    paths = os.pathsep.join(map(str, (*PATHS, unpacked_wheel(venv))))
    environment = {**os.environ, "PYTHONPATH": paths}
    os.execve(python, [python, "-m", "pba_hack.bench.cli", *argv], environment)  # noqa: S606 - no shell is meant
