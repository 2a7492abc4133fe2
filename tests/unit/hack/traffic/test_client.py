"""The client counts what it sent against what came back, and never sends anything twice."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import pytest

from pba_hack.traffic import Client, Load, RequestFailedError, Tally
from pba_hack.waiting import wait_for

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Node: n1\r\nContent-Length: 2\r\n\r\n{}"
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def _lines(incoming: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a request's head; none if the client has left."""
    while (line := incoming.readline()) not in (b"", b"\r\n"):
        yield line


class Server:
    """Answers each request with the next of its answers; None: closes the connection without a word."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.requests: list[bytes] = []
        self._answers = iter(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as incoming:
            while head := b"".join(_lines(incoming)):
                length = re.search(rb"Content-Length: (\d+)", head)
                self.requests.append(head + incoming.read(int(length[1]) if length else 0))
                answer = next(self._answers, None)
                if answer is None:
                    return
                connection.sendall(answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def answers() -> list[bytes | None]:
    return [OK]


@pytest.fixture
def server(answers: list[bytes | None]) -> Iterator[Server]:
    made = Server(answers)
    yield made
    made.close()


def test_an_answer_is_counted_for_its_node(server: Server) -> None:
    tally = Tally()
    with closing(Client("127.0.0.1", server.port, tally)) as client:
        answer = client.request("GET", "/", request_id="abc")
    assert (answer.status, answer.body, answer.node) == (200, {}, "n1")
    assert {b"X-Request-Id: abc", b"Idempotency-Key: abc"} <= set(server.requests[0].split(b"\r\n"))
    counts = tally.snapshot()
    assert (counts.sent, counts.answered, counts.failed, counts.by_node) == (1, 1, 0, {"n1": 1})


@pytest.mark.parametrize("answers", [[OK, None, OK]])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_on_a_connection_that_dies_is_a_failure_and_is_not_sent_again(
    server: Server, method: str
) -> None:
    tally = Tally()
    with closing(Client("127.0.0.1", server.port, tally)) as client:
        client.request(method, "/", {})
        with pytest.raises(RequestFailedError):
            client.request(method, "/", {})
        client.request(method, "/", {})
    counts = tally.snapshot()
    assert (counts.sent, counts.answered, counts.failed) == (3, 2, 1)
    assert len(server.requests) == 3


@pytest.mark.parametrize("answers", [[BROKEN]])
def test_a_status_of_400_or_more_is_a_failure(server: Server) -> None:
    tally = Tally()
    with (
        closing(Client("127.0.0.1", server.port, tally)) as client,
        pytest.raises(RequestFailedError, match="503"),
    ):
        client.request("POST", "/", {})
    assert tally.snapshot().by_failure == {"POST: status 503": 1}


NAMED = BROKEN.replace(b"Content-Length: 0\r\n\r\n", b"X-Node: n1\r\nContent-Length: 4\r\n\r\nbusy")
GONE = "RemoteDisconnected('Remote end closed connection without response')"


@pytest.mark.parametrize(
    ("answer", "node", "why", "detail"),
    [
        (NAMED, "n1", "POST: status 503", "503 b'busy'"),
        (BROKEN, "", "POST: status 503", "503 b''"),
        (OK, "n1", "POST: not the answer that was asked for", "no 'order' in b'{}'"),
        (None, "", "POST: RemoteDisconnected", GONE),
    ],
    ids=["refused by a node", "refused by nobody knows who", "another answer", "no answer"],
)
def test_a_request_that_failed_is_recorded_as_it_is_found_in_logs(
    answer: bytes | None, node: str, why: str, detail: str
) -> None:
    server, tally = Server([answer]), Tally()
    began = datetime.now(UTC)
    with (
        closing(server),
        closing(Client("127.0.0.1", server.port, tally)) as client,
        pytest.raises(RequestFailedError, match=f"^POST /api/orders: {re.escape(detail)}$"),
    ):
        client.request("POST", "/api/orders", {}, request_id="abc", wanted="order")
    [failure] = tally.snapshot().failures
    assert (failure.request, failure.request_id) == ("POST /api/orders", "abc")
    assert (failure.node, failure.why, failure.detail) == (node, why, detail)
    sent_at = datetime.fromisoformat(failure.sent_at)
    assert began - timedelta(milliseconds=1) <= sent_at <= datetime.now(UTC)
    assert 0 <= failure.seconds <= 30


def test_nobody_listens() -> None:
    tally = Tally()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with closing(Client("127.0.0.1", port, tally)) as client, pytest.raises(RequestFailedError):
        client.request("GET", "/")
    assert tally.snapshot().by_failure == {"GET: ConnectionRefusedError": 1}


@pytest.mark.parametrize("answers", [[OK] * 500 + [BROKEN] * 500])
def test_a_load_stops_when_told_and_all_its_requests_are_accounted_for(server: Server) -> None:
    def journey(client: Client) -> None:
        client.request("GET", "/")

    load = Load("127.0.0.1", server.port, journey, clients=1, pause_seconds=0.0, at_most_seconds=30)
    with load:
        deadline = threading.Event()
        while load.tally.snapshot().sent < 600:
            deadline.wait(0.01)
    counts = load.tally.snapshot()
    assert counts.sent == counts.answered + counts.failed == len(server.requests)
    assert counts.answered == 500
    assert counts.failed >= 100


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"
NO_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{,"


@pytest.mark.parametrize("answer", [HTML, NO_JSON, OK], ids=["a page", "broken", "another object"])
def test_an_answer_that_is_not_what_was_asked_for_has_failed(answer: bytes) -> None:
    server, tally = Server([answer]), Tally()
    with (
        closing(server),
        closing(Client("127.0.0.1", server.port, tally)) as client,
        pytest.raises(RequestFailedError, match="no 'order' in"),
    ):
        client.request("GET", "/api/orders", wanted="order")
    counts = tally.snapshot()
    assert (counts.sent, counts.answered, counts.failed) == (1, 0, 1)


def test_a_journey_that_goes_wrong_by_itself_is_told_when_the_load_ends() -> None:
    def astray(_client: Client) -> None:
        raise KeyError("order")

    load = Load("127.0.0.1", 1, astray, clients=2)
    load.start()
    wait_for("the clients to end", lambda: not load.goes_on, 10)
    with pytest.raises(KeyError, match="order"):
        load.stop()
