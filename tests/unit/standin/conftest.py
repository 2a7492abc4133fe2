"""The stand-in for MySQL, without an API server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "simulation"))

from pba_standin.contract.pretended import PretendedMember


@pytest.fixture
def member() -> Iterator[PretendedMember]:
    """A member that may be asked what it does not know."""
    made = PretendedMember()
    yield made
    made.stand_in.close()


@pytest.fixture
def subject(member: PretendedMember) -> Iterator[PretendedMember]:
    """A member that must know all that it is asked."""
    yield member
    assert member.stand_in.unknown == []
