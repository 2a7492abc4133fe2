from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from pba_lab.modelled import Clock
from pba_lab.nodes import swallowing
from pba_lab.patience import eventually

from pba_hack.loopback import free_port
from pba_sync import probes
from pba_sync.balancer import exchange, rates
from pba_sync.balancer.exchange import Exchange
from pba_sync.balancer.others import Address
from pba_sync.haproxy.commands import CLIENTS_AT_ONCE, Command
from pba_sync.haproxy.errors import HAProxyUnreachableError

LIMIT = 100
HERE = {"::ffff:192.0.2.7": 60}
NOTHING = rates.page({})
ROW = "0x1: key={} use=0 exp=9 shard=0 http_req_rate(1000)={}\n"
Serve = Callable[[bytes], Address]


class HAProxy:
    """Has a table of clients, and notes what it is told."""

    def __init__(self, clients: dict[str, int]) -> None:
        self.clients = clients
        self.asked: list[str] = []
        self.told: list[str] = []
        self.is_dead = False

    def ask(self, command: Command, most: int | None = None) -> str:
        assert most == rates.MAX_BYTES
        if self.is_dead:
            raise HAProxyUnreachableError("nobody there")
        self.asked.append(command.text)
        rows = "".join(ROW.format(client, rate) for client, rate in self.clients.items())
        return f"# table: clients, type: ipv6\n{rows}\n"

    def run(self, command: Command) -> None:
        self.told += command.text.split(";")


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = []

    def start(page: bytes) -> Address:
        server = probes.serve(
            "127.0.0.1", 0, healthz=str, readyz=str, started=str, metrics=bytes, rates=lambda: page
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return "127.0.0.1", server.server_address[1]

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def looked(exchange: Exchange, clock: Clock, seconds: float = rates.HOLD_SECONDS) -> None:
    """Look, and look again when it has been too much for so long."""
    exchange.step()
    clock.now += seconds
    exchange.step()


def test_haproxy_is_told_what_the_others_tell(clock: Clock, serve: Serve) -> None:
    haproxy, notes = HAProxy(HERE), []
    told = {"b": serve(rates.page({**HERE, "::1": 500})), "c": serve(rates.page({}))}
    made = Exchange(haproxy, LIMIT, lambda: told, clock, lambda *note: notes.append(note))
    looked(made, clock)
    assert haproxy.asked == ["show table clients data.http_req_rate gt 3"] * 2
    assert haproxy.told == ["set table elsewhere key ::ffff:192.0.2.7 data.http_req_rate 60"]
    assert notes == [(0, 0), (1, 0)]
    told.clear()
    made.step()
    assert haproxy.told[1:] == ["set table elsewhere key ::ffff:192.0.2.7 data.http_req_rate 0"]


def test_many_clients_are_told_in_lines_that_fit(clock: Clock, serve: Serve) -> None:
    clients = {f"2001:db8:ffff:{number:x}::": 60 for number in range(2 * CLIENTS_AT_ONCE + 1)}
    haproxy, page = HAProxy(clients), serve(rates.page(clients))
    looked(Exchange(haproxy, LIMIT, lambda: {"b": page}, clock), clock)
    assert len(haproxy.told) == len(clients)


def test_without_a_client_that_asks_for_much_nobody_is_asked(clock: Clock) -> None:
    nobody = ("127.0.0.1", free_port())
    notes: list[tuple[int, int]] = []
    made = Exchange(HAProxy({}), LIMIT, lambda: {"b": nobody}, clock, lambda *note: notes.append(note))
    made.step()
    assert notes == [(0, 0)]
    assert made.page() == NOTHING


@pytest.mark.parametrize("page", [b"", b"[]", b'{"asked":{"a":"b"}}'])
def test_who_tells_nonsense_or_does_not_answer_is_left_out_and_told_once(
    clock: Clock, serve: Serve, caplog: pytest.LogCaptureFixture, page: bytes
) -> None:
    haproxy, notes = HAProxy(HERE), []
    others = {"b": serve(page), "c": serve(rates.page(HERE)), "d": ("127.0.0.1", free_port())}
    made = Exchange(haproxy, LIMIT, lambda: others, clock, lambda *note: notes.append(note))
    looked(made, clock)
    assert haproxy.told == ["set table elsewhere key ::ffff:192.0.2.7 data.http_req_rate 60"]
    assert notes == [(0, 2), (1, 2)]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("clients' requests are not summed over all frontends: b: ")


def test_who_says_nothing_holds_up_nobody(
    clock: Clock, serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "ASK_SECONDS", 30.0)
    haproxy = HAProxy(HERE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        others = {"b": silent.getsockname()[:2], "c": serve(rates.page(HERE))}
        made = Exchange(haproxy, LIMIT, lambda: others, clock)
        looked(made, clock)
        made.step()
        accepted, _ = silent.accept()
        accepted.close()
        silent.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            silent.accept()  # it is not asked again as long as it is waited for
    assert haproxy.told == ["set table elsewhere key ::ffff:192.0.2.7 data.http_req_rate 60"] * 2
    assert caplog.messages == [
        "clients' requests are not summed over all frontends: b does not answer in time"
    ]


def test_who_is_cut_off_holds_up_nobody_and_is_asked_again_once_he_is_back(
    clock: Clock, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """His machine swallows what it is sent, so that the connection comes to nothing."""
    haproxy, notes, back = HAProxy(HERE), [], serve(rates.page(HERE))
    with swallowing("b") as cut_off:
        others = {"b": (cut_off.address, cut_off.port), "c": serve(rates.page(HERE))}
        made = Exchange(haproxy, LIMIT, lambda: others, clock, lambda *note: notes.append(note))
        looked(made, clock)
        assert haproxy.told == ["set table elsewhere key ::ffff:192.0.2.7 data.http_req_rate 60"]
        assert notes == [(0, 1), (1, 1)]
        assert len(caplog.messages) == 1
        others["b"] = back

        def is_heard() -> bool:
            made.step()
            return notes[-1] == (1, 0)

        eventually(is_heard)
    assert haproxy.told[-1] == "set table elsewhere key ::ffff:192.0.2.7 data.http_req_rate 120"


def test_what_is_told_is_what_was_seen_just_now(clock: Clock) -> None:
    haproxy = HAProxy(HERE)
    made = Exchange(haproxy, LIMIT, dict, clock)
    assert made.page() == NOTHING
    made.step()
    assert rates.read_page(made.page()) == HERE
    clock.now += rates.FRESH_SECONDS
    assert made.page() == NOTHING
    made.step()
    haproxy.is_dead = True
    made.step()
    assert made.page() == NOTHING, "HAProxy's clients are not known any more"


def test_what_fails_is_told_once_and_ends_nothing(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    haproxy = HAProxy(HERE)
    haproxy.is_dead = True
    made = Exchange(haproxy, LIMIT, dict, clock)
    made.step()
    made.step()
    assert caplog.messages == ["clients' requests are not summed over all frontends: nobody there"]


def test_a_fault_of_ours_has_nothing_told_as_seen_just_now(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    odd: dict[str, Address] | None = {}

    def others() -> dict[str, Address]:
        if odd is None:
            raise KeyError("b")
        return odd

    made = Exchange(HAProxy(HERE), LIMIT, others, clock)
    made.step()
    assert rates.read_page(made.page()) == HERE
    odd = None
    clock.now += 0.1
    made.step()
    assert made.page() == NOTHING
    assert made.looks.faults == 1
    assert caplog.messages == ["a look at the clients' rates failed on a fault of its own"]
