"""What all tiers share: the project's tools are importable; the packages under test come from the installed wheel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
for tools in (ROOT / "hack", ROOT / "hack" / "demoapp", ROOT / "tests" / "nodes"):
    sys.path.insert(0, str(tools))

# On a busy machine any example may take long.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have tests that run side by side shared out by our rule."""
    from pba_hack.testing.sides import Sides  # noqa: PLC0415 - where nothing runs side by side there is no xdist

    return Sides(config, log)
