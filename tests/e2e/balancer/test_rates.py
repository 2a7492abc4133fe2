"""One client at several frontends: real HAProxies, the sidecars' own exchange, steady clients that count."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pba_lab import HAProxyProcess, Node, account
from pba_lab.making import NewFrontend, NewNodes
from pba_lab.patience import eventually_async
from pba_lab.rates import Asking, RatesSidecar, telling
from pba_lab.shop import shop
from pba_lab.sidecar import Sidecar

from pba_api.sidecar import RATES_PATH
from pba_sync.balancer import rates

LIMIT = 40
CLIENT = "192.0.2.7"
SPAN_SECONDS = 5.0
FORGOTTEN_SECONDS = rates.HOLD_SECONDS + 1.0
PAUSE_SECONDS = 0.5
ASK = Callable[..., Asking]


@pytest.fixture
async def node(new_nodes: NewNodes) -> AsyncIterator[Node]:
    (made,) = await new_nodes(1)
    yield made
    await made.rest()


@pytest.fixture
async def frontends(new_frontend: NewFrontend, node: Node) -> list[HAProxyProcess]:
    limits, trusted = {"requestsPerClientPerSecond": LIMIT}, ["127.0.0.1/32"]
    return [await new_frontend(node, limits=limits, trustedProxyCIDRs=trusted) for _ in range(3)]


@pytest.fixture
def sidecars(frontends: list[HAProxyProcess]) -> Iterator[list[RatesSidecar]]:
    with telling(frontends, LIMIT) as made:
        yield made


@pytest.fixture
async def ask(frontends: list[HAProxyProcess]) -> AsyncIterator[ASK]:
    async with AsyncExitStack() as ended:

        def start(number: int, rate: float, address: str = CLIENT) -> Asking:
            asking = Asking(frontends[number].port, rate, address)
            ended.push_async_callback(asking.end)
            return asking

        yield start


async def let_through(*askings: Asking) -> list[float]:
    """Return the requests in a second that are let through, at each frontend, while all ask without a pause.

    Who pauses, because the machine stands still, is forgotten, and gets more for a while.
    """
    deadline = time.monotonic() + 60.0
    while True:
        began = time.monotonic()
        await asyncio.sleep(SPAN_SECONDS)
        span = time.monotonic() - began
        if all(asking.longest_pause(began - FORGOTTEN_SECONDS) < PAUSE_SECONDS for asking in askings):
            return [asking.since(began)[200] / span for asking in askings]
        assert time.monotonic() < deadline, "the clients pause again and again"


async def no_more_refused(asking: Asking, seconds: float = SPAN_SECONDS) -> None:
    """Return when nothing was refused for a while."""

    def all_well() -> bool:
        ends = asking.since(time.monotonic() - seconds)
        return set(ends) == {200} and ends[200] > seconds * 10

    await eventually_async(all_well)


@pytest.mark.parametrize(
    "addresses", [[CLIENT] * 3, ["2001:db8:1:2::7", "2001:db8:1:2:3::8", "2001:db8:1:2:3:4:5:6"]]
)
async def test_a_client_at_three_frontends_gets_the_limit_once(
    ask: ASK, sidecars: list[RatesSidecar], addresses: list[str]
) -> None:
    """A network of 64 bits of IPv6 is one client, too."""
    askings = [ask(number, LIMIT, address) for number, address in enumerate(addresses)]
    await eventually_async(lambda: all(sidecar.spread == 1 for sidecar in sidecars))
    await asyncio.sleep(2.0)  # what was let through before that fades
    parts = await let_through(*askings)
    assert LIMIT * 0.7 <= sum(parts) <= LIMIT * 1.3, parts
    assert max(parts) <= 2 * min(parts), "each asks for the same"
    assert set(askings[0].since(0.0)) == {200, 429}


async def test_a_client_at_three_frontends_without_their_sidecars_gets_it_three_times(ask: ASK) -> None:
    parts = await let_through(*(ask(number, LIMIT) for number in range(3)))
    assert sum(parts) > LIMIT * 2


async def test_parts_are_as_what_is_asked_for(ask: ASK, sidecars: list[RatesSidecar]) -> None:
    much, little = ask(0, 3 * LIMIT), ask(1, LIMIT / 2)
    await eventually_async(lambda: sidecars[0].spread == sidecars[1].spread == 1)
    await asyncio.sleep(2.0)
    parts = await let_through(much, little)
    assert LIMIT * 0.7 <= sum(parts) <= LIMIT * 1.3, parts
    assert parts[0] > 3 * parts[1] > 0, "neither gets nothing"


async def test_a_client_at_one_frontend_gets_all_of_it_whatever_others_do(
    ask: ASK, sidecars: list[RatesSidecar]
) -> None:
    greedy = ask(0, 2 * LIMIT)
    modest = ask(1, LIMIT / 2, "192.0.2.8")
    elsewhere = [ask(number, LIMIT, "192.0.2.9") for number in (1, 2)]
    await eventually_async(lambda: sidecars[1].spread == 1)
    parts = await let_through(greedy, *elsewhere)
    assert LIMIT * 0.7 <= parts[0] <= LIMIT * 1.3
    assert set(modest.since(0.0)) == {200}
    assert sidecars[0].spread == 0
    await eventually_async(lambda: all(sidecar.unheard == 0 for sidecar in sidecars))


async def test_a_client_that_moves_is_refused_nothing(
    ask: ASK, sidecars: list[RatesSidecar], frontends: list[HAProxyProcess]
) -> None:
    """From one frontend to another, and off one that dies with its sidecar. Counted twice it would be too much."""
    rate, moved = LIMIT * 0.9, []
    for number in (0, 1, 0, 1, 2):
        moved.append(ask(number, rate))
        await eventually_async(lambda: len(moved[-1].ends) > rate * 3)
        await moved[-1].end()
    frontends[2].kill()
    sidecars[2].kill()
    moved.append(ask(1, rate))
    await eventually_async(lambda: len(moved[-1].ends) > rate * 4)
    assert [set(asking.since(0.0)) for asking in moved] == [{200}] * len(moved)


@pytest.mark.parametrize("dies", ["the other's sidecar", "the other frontend", "this sidecar"])
async def test_what_nobody_tells_any_more_is_held_against_nobody(
    ask: ASK, sidecars: list[RatesSidecar], frontends: list[HAProxyProcess], dies: str
) -> None:
    here, there = ask(0, LIMIT * 0.8), ask(1, LIMIT * 0.8)
    await eventually_async(lambda: sidecars[0].spread == 1 and here.since(0.0)[429])
    if dies == "this sidecar":
        sidecars[0].kill()
    else:
        sidecars[1].kill()
    if dies == "the other frontend":
        frontends[1].kill()
        await there.end()
    await no_more_refused(here, 2.0)


async def test_the_sidecar_as_a_process_tells_what_clients_ask_for(
    frontends: list[HAProxyProcess], ask: ASK, folder: Path
) -> None:
    """It needs no API server for that."""
    cluster = shop("default", {"limits": {"requestsPerClientPerSecond": LIMIT}})
    environment = account.environment(cluster, frontends[0].socket, folder)
    sidecar = Sidecar(environment, folder / "sync.log")
    try:
        ask(0, LIMIT)
        ask(1, LIMIT, "192.0.2.8")
        told = f"::ffff:{CLIENT}"

        async def rate() -> int:
            status, text = await asyncio.to_thread(sidecar.get, RATES_PATH)
            return rates.read_page(text.encode()).get(told, 0) if status == 200 else 0

        deadline = time.monotonic() + 20.0
        while not LIMIT / 2 <= await rate() <= LIMIT * 1.5:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        _, text = await asyncio.to_thread(sidecar.get, RATES_PATH)
        assert rates.read_page(text.encode()).keys() == {told}, "of this frontend's clients alone"
    finally:
        sidecar.end()
