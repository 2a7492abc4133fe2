"""A client with a memory for cookies, as a browser has."""

from __future__ import annotations

import asyncio
import http.client
from dataclasses import dataclass, field
from typing import Protocol


class Reached(Protocol):
    """What a browser asks: a frontend, or a proxy in front."""

    @property
    def port(self) -> int:
        """Of 127.0.0.1."""


@dataclass(frozen=True)
class Visit:
    """What one request came to; `node` is the answer's text, and `set_cookies` are whole headers."""

    status: int
    node: str
    set_cookies: tuple[str, ...]


@dataclass
class Browser:
    """One client of this address (of loopback); each request has a connection of its own."""

    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    async def visit(self, reached: Reached, method: str = "GET", path: str = "/") -> Visit:
        """Ask once, with all cookies, and take what the answer sets."""
        return await asyncio.to_thread(self._visit, reached.port, method, path)

    def _visit(self, port: int, method: str, path: str) -> Visit:
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=20, source_address=(self.address, 0)
        )
        try:
            told = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            connection.request(method, path, headers={"Cookie": told} if told else {})
            answer = connection.getresponse()
            text, cookies = answer.read().decode(), tuple(answer.headers.get_all("Set-Cookie") or ())
        finally:
            connection.close()
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Visit(answer.status, text, cookies)
