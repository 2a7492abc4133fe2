"""A frontend with TLS, and a node that tells what reached it, for clients of HTTP/2."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pba_lab.h2_peer import SHOP, Peer, opened
from pba_lab.haproxy import HAProxyProcess
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.sidecar_loop import TERMS, SidecarLoop
from pba_lab.tls import Authority, Mount, TLSSidecar, trusting
from pba_lab.witness import Witness
from pba_operator.domain.frontend import haproxy_cfg


@dataclass(frozen=True)
class Secure:
    """HAProxy with TLS, its only node, and whom clients trust."""

    haproxy: HAProxyProcess
    witness: Witness
    context: ssl.SSLContext

    def client(self) -> AbstractAsyncContextManager[Peer]:
        """Give a connection of HTTP/2 over TLS, until the block ends."""
        return opened(self.haproxy.tls_port, self.context)


@asynccontextmanager
async def served(changed: Callable[[str], str] = str, **fields: Any) -> AsyncIterator[Secure]:
    """Give a frontend that is ready, until the block ends.

    Args:
        changed: what is made of haproxy.cfg, for a bound that is too great for a test.
        fields: of `spec.frontend`, as in JSON.
    """
    cluster = shop("default", {"tls": {"secretRefs": [{"name": "shop-tls"}]}, "accessLog": "All", **fields})
    authority = Authority("a test's CA")
    with ExitStack() as ended:
        folder = Path(ended.enter_context(TemporaryDirectory(prefix="lab-")))
        mount = Mount(folder / "shop-tls", authority.issue(SHOP).secret())
        haproxy = HAProxyProcess(changed(haproxy_cfg.render(cluster)), folder)
        keeper = TLSSidecar(haproxy, {"shop-tls": mount})
        ended.callback(haproxy.stop)
        ended.callback(keeper.stop)
        keeper.start()
        witness = Witness("witness")
        await witness.start()
        ended.callback(witness.kill)
        sidecar = SidecarLoop(haproxy, TERMS)
        ended.callback(sidecar.kill)
        sidecar.tell([witness])
        await eventually_async(lambda: sidecar.loop.ready)
        yield Secure(haproxy, witness, trusting(authority.certificate))
