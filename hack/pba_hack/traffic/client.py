"""One browser: a keep-alive connection, cookies, an identifier on every request, and no retry whatsoever.

Go's net/http and most libraries retry an idempotent request silently when a kept connection turns out to be closed;
that would hide exactly the losses that we look for. `http.client` sends each request once.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

from pba_hack.traffic.tally import Failure, Tally

TIMEOUT_SECONDS = 30.0
HTTP_OK_BELOW = 400
_QUOTED = 200
"""Bytes of an answer in a message."""


class RequestFailedError(Exception):
    """A request got no answer, or a wrong one."""


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its JSON body, the node that gave it and how long it took."""

    status: int
    body: Any
    node: str
    seconds: float


@dataclass(frozen=True)
class _Sent:
    """A request that is on its way."""

    method: str
    path: str
    request_id: str
    logged_as: str = ""
    """The identifier that it was given on the way, if an answer told."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """For how long it has been."""
        return time.monotonic() - self.started


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
        # The frontend gives each request an identifier of its own: what must be the same for the application is a key.
        headers = {
            "Content-Type": "application/json",
            "X-Request-Id": request_id,
            "Idempotency-Key": request_id,
        }
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
        sent = _Sent(method, path, request_id or uuid.uuid4().hex)
        payload = None if body is None else json.dumps(body).encode()
        self._tally.sent()
        try:
            self._connection.request(method, path, payload, self._headers(sent.request_id))
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._failed(sent, type(error).__name__, repr(error)) from error
        return self._judge(sent, response, text, wanted)

    def _judge(self, sent: _Sent, response: http.client.HTTPResponse, text: bytes, wanted: str) -> Answer:
        for cookie in response.headers.get_all("Set-Cookie", []):
            self._cookies.load(cookie)
        node = response.headers.get("X-Node", "")
        sent = replace(sent, logged_as=response.headers.get("X-Request-Id", ""))
        if response.status >= HTTP_OK_BELOW:
            detail = f"{response.status} {text[:_QUOTED]!r}"
            raise self._failed(sent, f"status {response.status}", detail, node)
        body = _read(response, text)
        if wanted and not (isinstance(body, dict) and wanted in body):
            detail = f"no {wanted!r} in {text[:_QUOTED]!r}"
            raise self._failed(sent, "not the answer that was asked for", detail, node)
        node, seconds = node or "unknown", sent.seconds
        self._tally.answered(node, seconds)
        return Answer(response.status, body, node, seconds)

    def _failed(self, sent: _Sent, why: str, detail: str, node: str = "") -> RequestFailedError:
        """Record a request that has failed; return what to raise."""
        request = f"{sent.method} {sent.path}"
        self._tally.failed(
            Failure(
                sent_at=sent.at.isoformat(timespec="milliseconds"),
                seconds=round(sent.seconds, 3),
                request=request,
                request_id=sent.logged_as or sent.request_id,
                node=node,
                why=f"{sent.method}: {why}",
                detail=detail,
            )
        )
        return RequestFailedError(f"{request}: {detail}")


def _read(response: http.client.HTTPResponse, text: bytes) -> Any:
    """Return an answer's JSON; None if it is none."""
    if response.headers.get_content_type() != "application/json":
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
