"""One browser: a keep-alive connection, cookies, an identifier on every request, and no retry whatsoever.

Go's net/http and most libraries retry an idempotent request silently when a kept connection turns out to be closed;
that would hide exactly the losses that we look for. `http.client` sends each request once.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from pba_hack.traffic.tally import Tally

TIMEOUT_SECONDS = 30.0
HTTP_OK_BELOW = 400


class RequestFailedError(Exception):
    """A request got no answer, or a wrong one."""


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its JSON body, the node that gave it and how long it took."""

    status: int
    body: Any
    node: str
    seconds: float


class Client:
    """A client of the application at one address."""

    def __init__(self, host: str, port: int, tally: Tally) -> None:
        """Connect at the first request; count in `tally`."""
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        self._tally = tally
        self._cookies: SimpleCookie = SimpleCookie()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _headers(self, request_id: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{key}={morsel.value}" for key, morsel in self._cookies.items())
        return headers

    def request(
        self, method: str, path: str, body: Any = None, *, request_id: str = "", wanted: str = ""
    ) -> Answer:
        """Send one request once and return its answer.

        Args:
            method: an HTTP method.
            path: with the query.
            body: sent as JSON.
            request_id: the request's identifier; made here if empty.
            wanted: what the answer must be: a JSON object with this key; empty: anything.

        Raises:
            RequestFailedError: no answer, one with a status of 400 or more, or another one than wanted.
        """
        identifier = request_id or uuid.uuid4().hex
        payload = None if body is None else json.dumps(body).encode()
        self._tally.sent()
        started = time.monotonic()
        try:
            self._connection.request(method, path, payload, self._headers(identifier))
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._tally.failed(f"{method}: {type(error).__name__}")
            raise RequestFailedError(f"{method} {path}: {error!r}") from error
        return self._judge(f"{method} {path}", response, text, time.monotonic() - started, wanted)

    def _judge(
        self, request: str, response: http.client.HTTPResponse, text: bytes, seconds: float, wanted: str
    ) -> Answer:
        method = request.partition(" ")[0]
        for cookie in response.headers.get_all("Set-Cookie", []):
            self._cookies.load(cookie)
        if response.status >= HTTP_OK_BELOW:
            self._tally.failed(f"{method}: status {response.status}")
            raise RequestFailedError(f"{request}: {response.status} {text[:200]!r}")
        body = _read(response, text)
        if wanted and not (isinstance(body, dict) and wanted in body):
            self._tally.failed(f"{method}: not the answer that was asked for")
            raise RequestFailedError(f"{request}: no {wanted!r} in {text[:200]!r}")
        node = response.headers.get("X-Node", "unknown")
        self._tally.answered(node, seconds)
        return Answer(response.status, body, node, seconds)


def _read(response: http.client.HTTPResponse, text: bytes) -> Any:
    """Return an answer's JSON; None if it is none."""
    if response.headers.get_content_type() != "application/json":
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
