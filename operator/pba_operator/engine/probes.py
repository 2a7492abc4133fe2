"""The operator's own HTTP server: `/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

from aiohttp import web

from pba_operator.engine.health import Health
from pba_operator.engine.metrics import Metrics

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def _answer(ailments: list[str]) -> web.Response:
    return web.Response(text="\n".join(ailments) or "ok", status=503 if ailments else 200)


class Probes:
    """Serves until it is stopped."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health = health
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> None:
        """Listen on `port` of all addresses."""
        application = web.Application()
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._serve_metrics)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, port=port).start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer(await self._health.ailments())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(self._health.ready())

    async def _serve_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": _TEXT})
