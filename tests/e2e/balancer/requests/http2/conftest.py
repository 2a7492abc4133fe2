"""One frontend with TLS for all tests of a file, and a node that tells what reached it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from pba_lab.secure import Secure, served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept() -> AsyncIterator[Secure]:
    async with served() as secure:
        yield secure


@pytest.fixture
def secure(kept: Secure) -> Iterator[Secure]:
    """It is the same HAProxy before and after the test."""
    kept.witness.requests.clear()
    kept.witness.ambiguous.clear()
    pid = kept.haproxy.info()["Pid"]
    yield kept
    assert kept.haproxy.info()["Pid"] == pid
