"""What all tiers share: what tests import is found, but for the packages under test: these are the installed wheel's.

pytest's own setting `pythonpath` would do the same, and would one day get `operator` as well: then the source tree is
tested, and nobody notices.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ("hack", "hack/demoapp", "tests/apiserver/bad_input", "tests/lab", "tests/nodes", "tests/simulation")
"""Folders with packages that tests import: the project's tools, and what several tests share."""
sys.path[:0] = [str(ROOT / folder) for folder in SHARED]

# On a busy machine any example may take long.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have tests that run side by side shared out by our rule."""
    from pba_hack.testing.sides import Sides  # noqa: PLC0415 - where nothing runs side by side there is no xdist

    return Sides(config, log)
