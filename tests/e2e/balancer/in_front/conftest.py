"""Real proxies in front of the real HAProxy, which believes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
from pba_lab.in_front import PROXIES, InFront, NewInFront, in_front
from pba_lab.tls import Authority

HOST: Final = "shop.example"


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest) -> str:
    """Which of them."""
    return str(request.param)


@pytest.fixture(scope="session")
def front_authority() -> Authority:
    """Whose certificate the proxy shows."""
    return Authority("the proxy's")


@pytest.fixture
async def new_in_front(proxy: str, front_authority: Authority) -> AsyncIterator[NewInFront]:
    ended, pair = ExitStack(), front_authority.issue(HOST)

    async def start(frontends: int, **options: Any) -> InFront:
        made = in_front(proxy, frontends, pair, **options)
        return await asyncio.to_thread(ended.enter_context, made)

    yield start
    await asyncio.to_thread(ended.close)
