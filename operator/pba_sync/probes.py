"""The sidecar's probes and metrics.

`/healthz`: the loops move (else the kubelet restarts us). `/started`: HAProxy can be started, what it reads is there
(the kubelet waits for it). `/readyz`: HAProxy said when it answered last, and does answer, that it holds the full set
of nodes and one could serve since it started. None of the three depends on the API server: without it we go on with
what we know. `/metrics`: for Prometheus. `/rates`: for the other frontends' sidecars.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from prometheus_client import CONTENT_TYPE_LATEST

from pba_api.sidecar import HEALTHZ_PATH, RATES_PATH, STARTED_PATH

Answer = tuple[HTTPStatus, str, bytes]
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


def verdict(problem: str) -> Answer:
    """Return the answer of a probe: `problem` is empty where all is well."""
    if problem:
        return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, problem.encode() + b"\n"
    return HTTPStatus.OK, TEXT, b"ok\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listen: str, port: int, routes: dict[str, Callable[[], Answer]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        self.routes = routes
        super().__init__((listen, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout: ClassVar[float] = 5
    """Seconds: nobody holds a thread by saying nothing."""
    server: _Server

    def do_GET(self) -> None:
        route = self.server.routes.get(self.path.partition("?")[0])
        status, kind, body = route() if route else (HTTPStatus.NOT_FOUND, TEXT, b"not found\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Probes every second are no news."""


def serve(
    listen: str,
    port: int,
    *,
    healthz: Callable[[], str],
    readyz: Callable[[], str],
    started: Callable[[], str],
    metrics: Callable[[], bytes],
    rates: Callable[[], bytes],
) -> ThreadingHTTPServer:
    """Return a server that is bound; its `serve_forever` answers.

    Args:
        listen: the address; `::` takes IPv4 as well.
        port: the port; 0: any.
        healthz: what is wrong with us; empty: nothing.
        readyz: why HAProxy is not ready; empty: it is.
        started: why HAProxy cannot be started; empty: it can.
        metrics: the metrics, as Prometheus reads them.
        rates: what clients ask for here.
    """
    return _Server(
        listen,
        port,
        {
            HEALTHZ_PATH: lambda: verdict(healthz()),
            "/readyz": lambda: verdict(readyz()),
            STARTED_PATH: lambda: verdict(started()),
            "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, metrics()),
            RATES_PATH: lambda: (HTTPStatus.OK, JSON, rates()),
        },
    )
