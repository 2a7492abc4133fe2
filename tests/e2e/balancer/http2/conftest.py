"""One frontend with TLS for all tests of a file, and a node that tells what reached it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from pba_lab import HAProxyProcess
from pba_lab.h2_peer import SHOP
from pba_lab.making import Secure
from pba_lab.patience import eventually, eventually_async
from pba_lab.shop import shop
from pba_lab.sidecar_loop import TERMS, SidecarLoop
from pba_lab.tls import Authority, Mount, TLSSidecar, trusting
from pba_lab.witness import Witness

from pba_operator.domain.frontend import haproxy_cfg


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept() -> AsyncIterator[Secure]:
    cluster = shop("default", {"tls": {"secretRefs": [{"name": "shop-tls"}]}, "accessLog": "All"})
    authority = Authority("a test's CA")
    with ExitStack() as ended:
        folder = Path(ended.enter_context(TemporaryDirectory(prefix="lab-")))
        mount = Mount(folder / "shop-tls", authority.issue(SHOP).secret())
        haproxy = HAProxyProcess(haproxy_cfg.render(cluster), folder)
        keeper = TLSSidecar(haproxy, {"shop-tls": mount})
        keeper.start()
        ended.callback(keeper.stop)
        eventually(lambda: keeper.keeper.started)
        haproxy.start()
        ended.callback(haproxy.stop)
        witness = Witness("witness")
        await witness.start()
        ended.callback(witness.kill)
        sidecar = SidecarLoop(haproxy, TERMS)
        ended.callback(sidecar.kill)
        sidecar.tell([witness])
        await eventually_async(lambda: sidecar.loop.ready)
        yield Secure(haproxy, witness, trusting(authority.certificate))


@pytest.fixture
def secure(kept: Secure) -> Iterator[Secure]:
    kept.witness.requests.clear()
    kept.witness.ambiguous.clear()
    pid = kept.haproxy.info()["Pid"]
    yield kept
    assert kept.haproxy.info()["Pid"] == pid
