"""Thousands of requests to the API server over few connections that stay open."""

from __future__ import annotations

import http.client
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from pba_hack.apiserver import Answer, ApiServer
from pba_operator.kube.body import encoded

THREADS: Final = 3
"""More than one, so that the server works while an answer is read; few, because it shares the machine."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Bulk:
    """An API server, asked over one connection for each thread."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._host = urllib.parse.urlsplit(server.url).netloc
        self._tls = ssl.create_default_context(cafile=str(server.ca_file))
        self._local = threading.local()
        self._opened: list[http.client.HTTPSConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._opened:
            connection.close()

    def request(
        self, method: str, path: str, body: Any, content_type: str = "application/json", **query: str
    ) -> Answer:
        """Return what the server answers to one request, a refusal included."""
        connection = self._connection()
        headers = {
            "Authorization": f"Bearer {self._server.token}",
            "Accept": "application/json",
            "Content-Type": content_type,
        }
        target = f"{path}?{urllib.parse.urlencode(query)}"
        connection.request(method, target, encoded(body), headers)
        with connection.getresponse() as answer:
            return Answer(answer.status, answer.read())

    def _connection(self) -> http.client.HTTPSConnection:
        found: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if found is None:
            found = http.client.HTTPSConnection(self._host, context=self._tls, timeout=60)
            self._local.connection = found
            self._opened.append(found)
        return found


def each(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield what `work` makes of each item, in their order."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(work, items)
