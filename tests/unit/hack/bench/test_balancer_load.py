"""What a load tells is what happened: both ends count, nothing is sent twice, and a failure is a failure."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pba_hack.bench.balancer.load import Load, Nodes, Sent, executions, send, serving
from pba_hack.loopback import free_port


@pytest.fixture
def executed(tmp_path: Path) -> Path:
    return tmp_path / "executed"


@pytest.fixture
def nodes(executed: Path) -> Iterator[Nodes]:
    with serving([f"127.0.0.1:{free_port()}" for _ in range(2)], executed) as made:
        yield made


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "records.csv"


def test_what_is_sent_is_answered_and_executed_once(executed: Path, records: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with serving([address], executed) as nodes:
        nodes.order("set", delay_ms=5.0, jitter_ms=5.0)
        load = send(address, records, seconds=0.5, rate=200, posts=30, first=7)
        (report,) = nodes.order("report")
    assert [one.number for one in load.sent] == list(range(7, 107))
    assert load.failures == {}
    assert report["requests"] == 100
    assert executions(executed) == bytes(7) + b"\x01" * 100
    assert {one.method for one in load.sent} == {"GET", "POST"}
    assert min(one.took for one in load.sent) >= 0.005
    # when each was due is by the rate, whatever became of those before
    assert all(number / 200 <= one.due < (number + 1) / 200 for number, one in enumerate(load.sent))


def test_who_asks_as_soon_as_he_is_answered_asks_one_after_another(nodes: Nodes, records: Path) -> None:
    nodes.order("set", delay_ms=50.0)
    load = send(nodes.addresses[0], records, seconds=1.5, clients=2)
    assert 4 <= len(load.sent) <= 60
    assert load.failures == {}


def test_a_node_that_fails_is_seen_to_fail_and_only_that_one(nodes: Nodes, records: Path) -> None:
    nodes.order("set", [1], fail_share=1.0)
    assert send(nodes.addresses[1], records, seconds=0.2, rate=50).failures == {"503": 10}
    assert send(nodes.addresses[0], records, seconds=0.2, rate=50).failures == {}
    assert [one["failed"] for one in nodes.order("report")] == [0, 10]


def test_requests_under_way_to_a_node_that_is_killed_fail_once_each(records: Path, nodes: Nodes) -> None:
    nodes.order("set", delay_ms=3000.0)
    killer = threading.Timer(0.25, nodes.order, ("kill", [0]))
    killer.start()
    load = send(nodes.addresses[0], records, seconds=0.5, rate=100)
    killer.join()
    assert set(load.failures) <= {"closed", "refused or reset"}
    assert sum(load.failures.values()) == len(load.sent) == 50
    nodes.order("start", [0])
    nodes.order("set")
    assert send(nodes.addresses[0], records, seconds=0.1, rate=50, first=50).failures == {}


def test_connections_are_to_any_of_several_balancers(nodes: Nodes, records: Path) -> None:
    nodes.order("set", delay_ms=100.0)
    load = send(",".join(nodes.addresses), records, seconds=0.5, rate=400)
    # some forty connections at a time, each to one of two
    assert load.failures == {}
    assert set(load.by_node) == {"0", "1"}


def test_a_node_tells_when_its_first_request_came(nodes: Nodes, records: Path) -> None:
    began = time.time()
    nodes.order("set", [0])
    assert nodes.order("report", [0])[0]["first"] == 0
    send(nodes.addresses[0], records, seconds=0.2, rate=50)
    (first,) = (report["first"] for report in nodes.order("report", [0]))
    assert began <= first / 1e6 <= time.time()
    send(nodes.addresses[0], records, seconds=0.2, rate=50, first=10)
    assert nodes.order("report", [0])[0]["first"] == first
    nodes.order("set", [0])
    assert nodes.order("report", [0])[0]["first"] == 0


def test_a_connection_that_was_closed_while_nobody_asked_costs_no_request(records: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_answer_and_leave, args=(server, 5), daemon=True)
        answering.start()
        load = send(f"127.0.0.1:{server.getsockname()[1]}", records, seconds=1.0, rate=5)
        answering.join(10)
    assert load.failures == {}


def _answer_and_leave(server: socket.socket, count: int) -> None:
    """Answer one request on each connection, without a word that it is the last one, and close it."""
    for _ in range(count):
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            # the answer leaves together with the end, however busy the machine is: it is never closed in use
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_users_keep_their_own_cookies_and_others_have_none(records: Path) -> None:
    for _ in range(3):
        load, heard = _asked_with_cookies(records)
        if load.latency(1.0) < 0.1:
            break  # else the next request was sent before an answer had come with its cookie
    assert load.failures == {}
    # each request is answered by a node of its own, so he who has a cookie has left the one that set it
    assert [(one.node, one.left) for one in load.sent] == [("2", ""), ("3", ""), ("4", "2"), ("5", "3")]
    # two users in turn, each of whom is given a cookie with the number of his first request
    assert heard == ["", "", "bound=2", "bound=3", "", ""]


def _asked_with_cookies(records: Path) -> tuple[Load, list[str]]:
    """Return what became of four requests of two users, and the cookies of these and of two without a user."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard: list[str] = []
        serving = threading.Thread(target=_set_cookies, args=(server, 6, heard), daemon=True)
        serving.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        load = send(address, records, seconds=0.8, rate=5, users=2, first=2)
        send(address, records, seconds=0.4, rate=5)
        serving.join(10)
    return load, heard


def _set_cookies(server: socket.socket, count: int, heard: list[str]) -> None:
    """Answer one request on each connection, and set a cookie with the request's number; remember what came."""
    for _ in range(count):
        connection, _ = server.accept()
        with connection:
            lines = connection.recv(4096).decode().split("\r\n")
            said = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            heard.append(said.get("cookie", ""))
            number = said["x-load-id"].encode()
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n"
                b"X-Load-Node: %s\r\nSet-Cookie: bound=%s; path=/; HttpOnly\r\n\r\n" % (number, number)
            )


def test_a_failure_counts_with_the_time_that_it_took() -> None:
    good = [Sent(number, "GET", 0.0, 0.02, 200, "0", "") for number in range(99)]
    load = Load([*good, Sent(99, "GET", 0.0, 10.0, 0, "", "timeout")])
    assert load.failures == {"timeout": 1}
    assert load.by_node == {"0": 99}
    assert (load.latency(0.5), load.latency(1.0)) == (0.02, 10.0)
