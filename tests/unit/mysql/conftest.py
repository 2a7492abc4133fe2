from __future__ import annotations

import pytest
from pba_standin import material

from pba_operator.domain.model import ChildId, Manifest


@pytest.fixture(scope="module")
def secrets() -> dict[ChildId, Manifest]:
    return material.secrets()
