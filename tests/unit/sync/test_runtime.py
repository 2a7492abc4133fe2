from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pba_lab.model import HAProxyModel

from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Check
from pba_sync.haproxy.errors import AnswerMalformedError, CommandRefusedError, HAProxyUnreachableError
from pba_sync.haproxy.runtime import HAProxy


class Served:
    """A UNIX socket with something behind it that answers each connection's one line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answer: Any = HAProxyModel().ask
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                answer = self.answer(connection.makefile().readline().rstrip("\n"))
                if answer is not None:
                    connection.sendall(answer.encode())

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def served() -> Iterator[Served]:
    with TemporaryDirectory() as folder:
        server = Served(Path(folder) / "s")
        yield server
        server.close()


@pytest.fixture
def told() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def client(served: Served, told: list[tuple[str, bool]]) -> HAProxy:
    return HAProxy(served.path, 5, lambda verb, succeeded: told.append((verb, succeeded)))


def test_commands_go_over_the_socket_and_come_back(client: HAProxy, told: list[tuple[str, bool]]) -> None:
    client.run(commands.add_server("a", "10.0.0.1", 80, Check(500, 2, 2), 100, 128))
    client.run(commands.raise_flag("ready"))
    assert list(client.servers()) == ["a"]
    assert client.flags() == {"ready"}
    assert client.incarnation().pid == 7
    assert client.client_connections() == 0
    assert told[0] == ("add server", True)


def test_no_is_an_error_with_haproxys_words(client: HAProxy, told: list[tuple[str, bool]]) -> None:
    with pytest.raises(
        CommandRefusedError, match=r"refused `set server nodes/a state ready`: No such server\."
    ):
        client.run(commands.set_ready("a"))
    assert told == [("set ready", False)]


@pytest.mark.parametrize("answer", [None, ""])
def test_no_answer_is_no_success(client: HAProxy, served: Served, answer: str | None) -> None:
    served.answer = lambda _: answer
    with pytest.raises(HAProxyUnreachableError):
        client.run(commands.set_ready("a"))


def test_a_socket_that_is_not_there_is_told(told: list[tuple[str, bool]]) -> None:
    client = HAProxy(Path("/nowhere/s"), 1, lambda verb, succeeded: told.append((verb, succeeded)))
    with pytest.raises(HAProxyUnreachableError, match="/nowhere/s"):
        client.servers()
    assert told == [("show servers state", False)]


def test_haproxy_that_hangs_is_not_waited_for(served: Served) -> None:
    released = threading.Event()
    served.answer = lambda _: released.wait(10) and None
    client = HAProxy(served.path, 0.05, lambda _verb, _succeeded: None)
    with pytest.raises(HAProxyUnreachableError, match="timed out"):
        client.servers()
    released.set()


def test_haproxy_that_accepts_nobody_yet_is_waited_for() -> None:
    """Its queue of connections is full: Linux lets a socket that does not block wait for no place in it."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener, ExitStack() as waiting:
        path = Path(folder) / "s"
        listener.bind(str(path))
        listener.listen(0)
        first = waiting.enter_context(socket.socket(socket.AF_UNIX))
        first.connect(str(path))
        with pytest.raises(HAProxyUnreachableError, match="accepts no connection"):
            HAProxy(path, 0.05, lambda _verb, _succeeded: None).flags()
        released = threading.Timer(0.2, lambda: waiting.enter_context(listener.accept()[0]))
        released.start()
        # Its place is free after 0.2 s, so it is connected; nobody answers it.
        with pytest.raises(HAProxyUnreachableError, match="timed out"):
            HAProxy(path, 1, lambda _verb, _succeeded: None).flags()
        released.join()


QUESTIONS = ["servers", "flags", "incarnation", "client_connections"]
ODD = ["Unknown command.\n\n", "one two three\n", "\n"]


@pytest.mark.parametrize(
    ("question", "answer"), [pair for pair in product(QUESTIONS, ODD) if pair != ("flags", "\n")]
)
def test_words_that_we_do_not_know_are_an_error(
    client: HAProxy, served: Served, question: str, answer: str
) -> None:
    served.answer = lambda _: answer
    with pytest.raises(AnswerMalformedError):
        getattr(client, question)()


def test_no_flag_may_be_raised(client: HAProxy, served: Served) -> None:
    served.answer = lambda _: "\n"
    assert client.flags() == frozenset()
