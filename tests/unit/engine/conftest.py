from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "simulation"))

import pytest
from pba_simulation.bench import Bench


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.begin()
    return made
