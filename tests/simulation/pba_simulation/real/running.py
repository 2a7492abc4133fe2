"""The operator as it is shipped, in a thread beside the test."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable

from pba_hack.apiserver import CLOSING_SECONDS
from pba_hack.loopback import free_port
from pba_operator.engine.assembly import Engine
from pba_operator.engine.configuration import Configuration
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.process import Process
from pba_operator.kube.client import Client
from pba_operator.kube.clock import SystemClock
from pba_operator.kube.credentials import load
from pba_operator.mysql.accounts import MySQLAccounts
from pba_operator.mysql.material import Material
from pba_operator.program import domain_for
from pba_operator.shell.run import run
from pba_simulation.real.namespace import Namespace
from pba_simulation.real.patience import PATIENCE


class RunningOperator:
    """The operator with kopf, in a thread of its own (kopf ends every task of its event loop)."""

    def __init__(self, namespace: Namespace, identity: str = "test") -> None:
        self._clock = SystemClock()
        self._accounts = MySQLAccounts(connect=namespace.mysql.connect)
        self.configuration = Configuration(
            namespaces=(namespace.name,),
            lease_namespace=namespace.name,
            lease_name="pba-operator",
            identity=identity,
            http_port=free_port(),
            sync_image="sync:1",
            sync_image_pull_policy="IfNotPresent",
            log_level="INFO",
        )
        self.process: Process | None = None
        self.code: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="operator")

    async def _run(self) -> None:
        def build(client: Client) -> Engine:
            return Engine(
                kube=client,
                domain=domain_for(self.configuration),
                accounts=self._accounts,
                material=Material(),
                clock=self._clock,
                jitter=random.random,
                metrics=Metrics(),
                namespaces=self.configuration.namespaces,
            )

        self._loop = asyncio.get_running_loop()
        self.process = Process(self.configuration, load(), self._clock, build)
        self.code = await run(self.process)
        await asyncio.sleep(CLOSING_SECONDS)

    @property
    def leads(self) -> bool:
        return self.process is not None and self.process.engine.health.acting

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing on its desk."""
        return self.process is not None and self.process.engine.queue.idle

    def do(self, work: Callable[[], None]) -> None:
        """Do something with its engine, in its own event loop, and wait until it is done."""

        async def doing() -> None:
            work()

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(doing(), self._loop).result(PATIENCE)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the operator to stop, and wait for it."""
        if self._thread.is_alive() and self._loop is not None and self.process is not None:
            self._loop.call_soon_threadsafe(self.process.died.set)
        self._thread.join(PATIENCE)
        self._accounts.close()
        assert not self._thread.is_alive()
