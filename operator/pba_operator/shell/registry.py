"""The handlers that kopf calls, and its settings.

What must stay true: a handler hands over and returns. No state, no decision, no write is kopf's: it knows no
`create`, `update` or `delete` handler, so it sets no finalizer and no annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import kopf

from pba_api.identity import GROUP, LABEL_CLUSTER
from pba_operator.engine.process import Process
from pba_operator.kube import kinds
from pba_operator.kube.page import PAGE_SIZE
from pba_operator.kube.streams import SILENCE_SECONDS, STREAM_SECONDS

BACKOFFS: Final = (0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts of a watch at an API server that is away; the last one again and again."""


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps nothing: kopf makes a copy of each object for change handlers, of which there are none."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:  # noqa: ARG002
        """Return that nothing of an object is essential."""
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return that nothing is stored."""

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing."""


class Backoffs:
    """Back-offs without an end: kopf gives up, and the process with it, when they run out."""

    def __iter__(self) -> Iterator[float]:
        yield from BACKOFFS
        while True:
            yield BACKOFFS[-1]


def registry_for(process: Process) -> kopf.OperatorRegistry:
    """Return the handlers that feed `process`."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def start(**_: Any) -> None:
        await process.start()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        await process.stop()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(aiohttp_session=process.watch_session(), server=process.credentials.server)

    async def seen(event: Any, param: Any = None, **_: Any) -> None:
        process.engine.intake.event(param, event["type"], event["object"])

    for kind in kinds.WATCHED:
        kopf.on.event(kind.group, kind.version, kind.plural, id=kind.plural, param=kind, registry=registry)(
            seen
        )
    return registry


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings; each departs from its default for a reason found by measuring."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.watching.server_timeout = STREAM_SECONDS
    settings.watching.client_timeout = STREAM_SECONDS + 20
    settings.watching.inactivity_timeout = SILENCE_SECONDS
    settings.watching.chunk_size = PAGE_SIZE
    for kind in kinds.CHILDREN:
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = LABEL_CLUSTER
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = Backoffs()
    settings.networking.enforce_retry_after = True
    settings.queueing.idle_timeout = 0.01
    settings.execution.executor = ThreadPoolExecutor(1, "kopf")
    settings.process.ultimate_exiting_timeout = 10
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.diffbase_storage = NoDiffBase()
    return settings
