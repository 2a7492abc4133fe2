"""Hosts' names resolved by real threads, and an injected name server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from pba_hack.waiting import wait_for
from pba_sync.watching import resolver
from pba_sync.watching.resolver import Resolver, addresses


class NameServer:
    """Answers as a test wrote it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, ...] | Exception] = {}
        self.hangs: dict[str, threading.Event] = {}
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self.failures = 0

    def lookup(self, host: str) -> tuple[str, ...]:
        if host in self.hangs:
            self.hangs[host].wait(20)
        answer = self.answers.get(host, socket.gaierror("no such name"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def put_answers(self, host: str, answers: tuple[str, ...]) -> str | None:
        self.told.append((host, answers))
        return answers[0] if answers else None

    def on_failure(self) -> None:
        self.failures += 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    monkeypatch.setattr(resolver, "RESOLVE_SECONDS", 0.01)
    return NameServer()


@pytest.fixture
def ask(server: NameServer) -> Iterator[Callable[..., None]]:
    asked = Resolver(server.lookup, server.on_failure)

    def follow(*hosts: str) -> None:
        asked.follow(frozenset(hosts), server)

    yield follow
    follow()
    for event in server.hangs.values():
        event.set()
    wait_for("the threads to end", lambda: not _threads(), 20)


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("resolve ")]


def test_a_host_is_asked_for_again_and_again(server: NameServer, ask: Callable[..., None]) -> None:
    server.answers["a"] = ("192.0.2.1",)
    ask("a")
    wait_for("two answers", lambda: server.told.count(("a", ("192.0.2.1",))) >= 2, 20)
    server.answers["a"] = ("192.0.2.2",)
    wait_for("the new address", lambda: ("a", ("192.0.2.2",)) in server.told, 20)


def test_a_name_server_that_hangs_holds_up_no_other_host(
    server: NameServer, ask: Callable[..., None]
) -> None:
    server.hangs["dead"] = threading.Event()
    server.answers["a"] = ("192.0.2.1",)
    ask("dead", "a")
    wait_for("three answers", lambda: len(server.told) >= 3, 20)
    assert {host for host, _ in server.told} == {"a"}


@pytest.mark.parametrize(
    "error", [socket.gaierror("no such name"), UnicodeError("label too long"), ValueError("null")]
)
def test_a_failure_is_told_once_and_its_end(
    server: NameServer, ask: Callable[..., None], caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    caplog.set_level("INFO")
    server.answers["a"] = error
    ask("a")
    wait_for("two failures", lambda: server.failures >= 2, 20)
    assert set(server.told) == {("a", ())}
    server.answers["a"] = ("192.0.2.1",)
    wait_for("its end", lambda: len(caplog.messages) == 2, 20)
    assert caplog.messages == [
        f"a cannot be resolved, going on with nothing: {error}",
        "a can be resolved again: 192.0.2.1",
    ]


def test_a_host_that_is_not_wanted_any_more_is_not_asked_for(
    server: NameServer, ask: Callable[..., None]
) -> None:
    server.hangs["slow"] = threading.Event()
    server.answers["slow"] = ("192.0.2.1",)
    ask("slow")
    ask()
    server.hangs["slow"].set()
    wait_for("its thread to end", lambda: not _threads(), 20)
    assert server.told == [], "its answer came too late"
    ask("slow")
    wait_for("it to be asked for anew", lambda: server.told, 20)


def test_the_systems_own_resolver_is_asked() -> None:
    assert "127.0.0.1" in addresses("localhost") or "::1" in addresses("localhost")
    with pytest.raises(OSError, match=r".+"):
        addresses("no-such-host.invalid")
