"""Real proxies in front of the real HAProxy, which believes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.bound import serve
from pba_lab.haproxy import started
from pba_lab.in_front import PROXIES, InFront, NewInFront, in_front
from pba_lab.making import NewBound
from pba_lab.shop import UID, shop
from pba_lab.sidecar_loop import TERMS, SidecarLoop
from pba_lab.tls import Authority

from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.haproxy.affinity import Affinity

HOST: Final = "shop.example"


@pytest.fixture
async def new_bound() -> AsyncIterator[NewBound]:
    ended = ExitStack()

    async def start(kind: str, *nodes: Node) -> HAProxyProcess:
        cluster = shop("default", {"trustedProxyCIDRs": ["127.0.0.1/32"]}, affinity={"type": kind})
        process = ended.enter_context(started(haproxy_cfg.render(cluster), haproxy_cfg.files(cluster)))
        sidecar = SidecarLoop(process, replace(TERMS, affinity=Affinity(kind, UID, keep_seconds=2.0)))
        ended.callback(sidecar.kill)
        await serve(sidecar, list(nodes))
        return process

    yield start
    ended.close()


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
