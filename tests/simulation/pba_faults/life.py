"""One life of the operator: its engine and its client, from a start with nothing to its end at a chosen write.

kopf is left out: what a watch would tell is listed when the test says so, so that a life is the same each time and
costs little. The writes go through the proxy, which lets the k-th one take effect and nothing come back from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Final

from pba_simulation.real import Hands, Namespace
from pba_simulation.time import ManualClock
from pba_simulation.world import DOMAIN, material

from pba_faults.proxy import Proxy
from pba_hack.apiserver import trusting
from pba_operator.engine.assembly import Engine
from pba_operator.engine.metrics import Metrics
from pba_operator.kube import kinds
from pba_operator.kube.client import Client
from pba_operator.kube.credentials import Credentials, open_session
from pba_operator.kube.store import Address
from pba_operator.mysql.accounts import MySQLAccounts

_lives = itertools.count()
"""Each life begins an hour after the one before."""
ROUNDS_MAX: Final = 60
"""Looks at the cluster until it must be at rest."""
WORKED_ON: Final = tuple(
    kinds.BY_NAME[name] for name in ("StatefulSet", "Deployment", "Pod", "PersistentVolumeClaim")
)
"""What others than the operator change while all goes well."""


class Life:
    """An operator between its start and its end."""

    def __init__(self, place: Namespace, client: Client, accounts: MySQLAccounts, cut: asyncio.Event) -> None:
        self._place = place
        self._hands = Hands(place)
        self._client = client
        self._cut = cut
        self._clock = ManualClock()
        self._clock.seconds += 3600.0 * next(_lives)
        self._engine = Engine(
            kube=client,
            domain=DOMAIN,
            accounts=accounts,
            material=material,
            clock=self._clock,
            jitter=lambda: 0.0,
            metrics=Metrics(),
            namespaces=(place.name,),
        )

    @property
    def ended(self) -> bool:
        """Whether it has come to its last write."""
        return self._cut.is_set()

    async def settle(self) -> None:
        """Let the operator, the controllers and the nodes work until nobody has anything to do, or it has ended."""
        changing: tuple[kinds.Kind, ...] = kinds.WATCHED
        for _ in range(ROUNDS_MAX):
            news = await self._look(changing)
            changing = WORKED_ON
            busy = await self._work()
            if self.ended:
                return
            self._hands.work()
            if news or busy:
                continue
            if self._is_going() and self._hands.collect_garbage():
                changing = kinds.WATCHED
                continue
            due = self._clock.next_due()
            if due is None:
                return
            await self._clock.advance(due)
        raise AssertionError("it never comes to rest")

    def _is_going(self) -> bool:
        live = self._place.get(kinds.CLUSTER.name, "shop")
        return live is None or "deletionTimestamp" in live["metadata"]

    async def _look(self, at: Iterable[kinds.Kind]) -> bool:
        """See some kinds as they are now; tell whether there was any news."""
        return any(await asyncio.gather(*(self._look_at(kind) for kind in at)))

    async def _look_at(self, kind: kinds.Kind) -> bool:
        intake = self._engine.intake
        before = dict(self._engine.store.of_kind(kind.name))
        news = False
        async for page in self._client.pages(kind, self._place.name):
            for live in page:
                before.pop(Address(kind.name, self._place.name, live["metadata"]["name"]), None)
                news = intake.seen(live, live=True) or news
        for address, version in before.items():
            news = intake.gone(address, version.uid) or news
        return news

    async def _work(self) -> bool:
        """Have the queue worked off, unless the end comes first; tell whether there was anything in it."""
        busy = bool(self._engine.queue.depth)
        while self._engine.queue.depth and not self.ended:
            working = asyncio.ensure_future(self._engine.workers.work_once())
            ending = asyncio.ensure_future(self._cut.wait())
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            for task in (working, ending):
                task.cancel()
            await asyncio.gather(working, ending, return_exceptions=True)
        return busy


@contextlib.asynccontextmanager
async def life(place: Namespace, *, ends_after: int | None = None) -> AsyncIterator[Life]:
    """Have an operator live until the block ends, or until its write number `ends_after`."""
    async with contextlib.AsyncExitStack() as stack:
        server, tls, cut = place.server.url, trusting(place.server.ca_file), asyncio.Event()
        if ends_after is not None:
            proxy = Proxy(place.server)
            proxy.cut_after = ends_after
            stack.push_async_callback(proxy.stop)
            await proxy.start()
            server, cut = proxy.url, proxy.cut
        credentials = Credentials(server, tls, lambda: f"Bearer {place.server.token}")
        session = await stack.enter_async_context(open_session(credentials))
        accounts = MySQLAccounts(connect=place.mysql.connect)
        stack.callback(accounts.close)
        yield Life(place, Client(session, server), accounts, cut)
