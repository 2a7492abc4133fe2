"""The stand-in for MySQL, without an API server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
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
