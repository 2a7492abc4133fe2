"""A small client of the API server for what runs in the hub before anything is installed: standard library only.

The caller must be in the hub's network.
"""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pba_hack.cluster.local import addresses

__all__ = ["Api", "ApiError"]

_SECONDS = 10.0


class ApiError(RuntimeError):
    """The API server refused; the message is its own."""


class Api:
    """Requests in the name of one identity of the cluster's keys."""

    def __init__(self, pki: Path, identity: str) -> None:
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / f"{identity}.crt", pki / f"{identity}.key")

    def get(self, path: str) -> Any:
        """Read an object or a list.

        Raises:
            ApiError: The API server refused.
            OSError: It cannot be reached.
        """
        return json.loads(self._request("GET", path))

    def get_text(self, path: str) -> str:
        """Read what is not JSON."""
        return self._request("GET", path).decode()

    def merge(self, path: str, change: dict[str, Any]) -> None:
        """Change an object by a JSON merge patch."""
        self._request("PATCH", path, json.dumps(change).encode(), "application/merge-patch+json")

    def watch(self, path: str, version: str, seconds: int) -> Iterator[dict[str, Any]]:
        """Follow the changes of a list from a resource version on, for at most `seconds`."""
        connection = self._connection(seconds + _SECONDS)
        try:
            query = f"?watch=1&resourceVersion={version}&timeoutSeconds={seconds}&allowWatchBookmarks=true"
            connection.request("GET", path + query)
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise ApiError(f"watch {path}: {response.status} {response.read().decode(errors='replace')}")
            for line in response:
                yield json.loads(line)
        finally:
            connection.close()

    def _connection(self, seconds: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(addresses.HUB, 6443, timeout=seconds, context=self._tls)

    def _request(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        connection = self._connection(_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            response = connection.getresponse()
            data = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiError(f"{method} {path}: {response.status} {data.decode(errors='replace')}")
        return data
