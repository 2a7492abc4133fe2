"""Customers and resellers: what they send, each request once."""

from __future__ import annotations

import http.client
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

_ANSWER_SECONDS: Final = 60.0


class Server(Protocol):
    """What serves on loopback."""

    port: int


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Browser:
    """A client with cookies that sends each request once, to whichever node."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def request(
        self,
        node: Server,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=_ANSWER_SECONDS)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | (
            headers or {}
        )
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    def call(self, node: Server, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send JSON; underscores in the names of `headers` stand for hyphens."""
        sent = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.request(node, method, path, None if body is None else json.dumps(body).encode(), sent)

    def page(self, node: Server, path: str) -> str:
        answer = self.request(node, "GET", path, None, {"Accept": "text/html"})
        assert answer.status == 200, answer.text
        return answer.text

    def submit(self, node: Server, shown_at: str, action: str, **fields: str) -> Answer:
        """Fill in a form on the page at `shown_at` and send it, as a browser does; redirects are not followed."""
        page = self.page(node, shown_at)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        pairs = {"csrf_token": token[1], **fields}
        body = "&".join(f"{k}={quote_plus(v)}" for k, v in pairs.items())
        form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self.request(node, "POST", action, body.encode(), form)

    def sign_up(self, node: Server, **changed: str) -> Answer:
        data = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Ada", "password": "longenough"} | changed
        answer = self.call(node, "POST", "/api/signup", data)
        assert answer.status == 201, answer.text
        return answer

    def order(self, node: Server, key: str, product: str = "web-s") -> Answer:
        lines = [{"product": product, "quantity": 1}, {"product": "mail-10", "quantity": 2}]
        return self.call(node, "POST", "/api/orders", {"lines": lines}, Idempotency_Key=key)
