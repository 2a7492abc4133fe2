"""The stand-in for MySQL, without an API server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "simulation"))

from pba_standin.contract.pretended import PretendedMember


@pytest.fixture
def subject() -> Iterator[PretendedMember]:
    member = PretendedMember()
    yield member
    unknown = member.stand_in.unknown
    member.stand_in.close()
    assert unknown == []
