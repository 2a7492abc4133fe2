from __future__ import annotations

import pytest
from pba_simulation.bench import Bench


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.begin()
    return made
