"""Each way to lose the API server: clients are served on, the sidecar says so, and catches up by itself.

Real programs but for the way between sidecar and API server, on which the faults happen. The bounds follow from the
sidecar's time limits: a connection 3 s, a list 10 s, a watch 35 s, and at most 5 s from one try to the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from pba_faults.exchange import Exchange
from pba_faults.proxy import Proxy, Road, road
from pba_faults.script import Refuse, Rule, Silence
from pba_lab import HAProxyProcess
from pba_lab.blind import AGE, Frontend
from pba_lab.patience import eventually

from pba_hack.apiserver import ApiServer

_LOG = logging.getLogger(__name__)
OFTEN = float("inf")
UNAVAILABLE = "ApiUnavailableError"
AT_ONCE = 15.0
"""Of a test; the connections break at once, and two cores are busy."""
SILENCE = 60.0
"""Of a test; a silence is noticed within 35 s."""
RECOVERY = 45.0
"""Of a test; a try that has begun lasts up to 10 s, the next begins within 5 s."""


@pytest.fixture
def way(api_server: ApiServer, tmp_path: Path) -> Iterator[Road]:
    with road(api_server, tmp_path, tls=True) as made:
        yield made


@pytest.fixture
def api_port(way: Road) -> int:
    """In this module the sidecar reaches the API server by that way."""
    return way.port


async def refused(proxy: Proxy) -> None:
    await proxy.down()


async def swallowed(proxy: Proxy) -> None:
    """As by a machine that is off: no RST, no answer to a SYN."""
    await proxy.down(silently=True)


def everything(exchange: Exchange) -> bool:
    return exchange.verb in ("LIST", "WATCH")


def watches(exchange: Exchange) -> bool:
    return exchange.verb == "WATCH"


async def unanswered(proxy: Proxy) -> None:
    """It takes connections, and says nothing."""
    proxy.rules.append(Rule(Silence(), everything, OFTEN))
    proxy.abort()


async def failing(proxy: Proxy) -> None:
    proxy.rules.append(Rule(Refuse(500), everything, OFTEN))
    proxy.abort()


async def overloaded(proxy: Proxy) -> None:
    proxy.rules.append(Rule(Refuse(429, retry_after=1), everything, OFTEN))
    proxy.abort()


async def unwatchable(proxy: Proxy) -> None:
    """Lists are answered, watches are not: the view is current, and gets no younger than the last list."""
    proxy.rules.append(Rule(Refuse(503), watches, OFTEN))
    proxy.abort()


@dataclass(frozen=True)
class Cause:
    """How the API server is lost, how soon the sidecar must know, and what it says."""

    begin: Callable[[Proxy], object]
    known_within: float
    says: str


CAUSES = {
    "refused": Cause(refused, AT_ONCE, "Connection refused"),
    "swallowed": Cause(swallowed, SILENCE, "timed out"),
    "unanswered": Cause(unanswered, 30.0, "timed out"),
    "500": Cause(failing, AT_ONCE, "answered 500"),
    "429": Cause(overloaded, AT_ONCE, "answered 429"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_clients_are_served_on_and_it_catches_up(frontend: Frontend, way: Road, name: str) -> None:
    cause = CAUSES[name]
    frontend.serve("a", "b")
    way.do(cause.begin)
    noticed = frontend.seconds_until(lambda: frontend.has_told(cause.says), cause.known_within)
    frontend.tell("c")
    frontend.goes_on()
    assert frontend.serving() == {"a", "b"}
    assert frontend.sidecar.get("/healthz")[0] == 200, "to start it anew would not help"
    assert frontend.errors(UNAVAILABLE) >= 1
    age = frontend.sidecar.metric(AGE)
    eventually(lambda: frontend.sidecar.metric(AGE) > age + 1)
    way.clear()
    took = frontend.catches_up("c", RECOVERY)
    eventually(lambda: frontend.sidecar.metric(AGE) < 5)
    frontend.is_answered_by("c")
    frontend.goes_on()
    _LOG.info("%s: noticed after %.1f s, caught up %.1f s after its end", name, noticed, took)


def test_watches_that_are_refused_do_not_make_a_busy_loop_of_lists(frontend: Frontend, way: Road) -> None:
    frontend.serve("a", "b")
    way.do(unwatchable)
    eventually(lambda: frontend.errors(UNAVAILABLE) >= 12)
    lists = frontend.sidecar.metric('pba_sync_relists_total{reason="error"}')
    assert lists <= frontend.errors(UNAVAILABLE)
    assert frontend.sidecar.log.read_text().count("answered 503") == 3, "once of each source"
    frontend.tell("c")
    frontend.catches_up("c", AT_ONCE)
    assert not frontend.said("can be read again")
    way.clear()
    frontend.tell("d")
    frontend.catches_up("d", AT_ONCE)
    eventually(lambda: frontend.said("EndpointSlices can be read again"))


def test_a_watch_that_dies_silently_is_noticed_and_replaced(frontend: Frontend, way: Road) -> None:
    """The known failure of such sidecars: connected, told nothing, and well."""
    frontend.serve("a", "b")
    way.do(lambda proxy: proxy.events.mute())
    frontend.tell("c")
    took = frontend.catches_up("c", SILENCE)
    frontend.goes_on()
    assert frontend.errors(UNAVAILABLE) >= 1
    frontend.tell("d")
    frontend.catches_up("d", 5.0)
    _LOG.info("a silent watch: replaced after %.1f s", took)


@pytest.mark.parametrize("what", ["expire", "fail", "end", "half"])
def test_what_a_watch_may_end_with_costs_nothing(frontend: Frontend, way: Road, what: str) -> None:
    """History that is gone (410), an error of the API server's, an end, and half an event."""
    frontend.serve("a", "b")

    async def half(proxy: Proxy) -> None:
        for stream in list(proxy.events.streams):
            await stream.send_bytes(b'{"type": "MODIFIED", "object": {"meta')
        proxy.abort()

    way.do(half if what == "half" else lambda proxy: getattr(proxy.events, what)())
    frontend.tell("c")
    frontend.catches_up("c", 5.0)
    frontend.goes_on()
    assert frontend.errors("fault") == 0


def test_a_frontend_that_starts_without_it_is_not_ready_until_it_is_back(
    haproxy: HAProxyProcess, frontend: Frontend, way: Road
) -> None:
    frontend.sidecar.end()
    haproxy.kill()
    haproxy.start()
    way.do(refused)
    frontend.start_sidecar()
    eventually(lambda: frontend.errors(UNAVAILABLE) >= 3)
    assert not frontend.is_ready(), "a rollout waits, and the frontends before it stay"
    assert frontend.sidecar.get("/healthz")[0] == 200
    assert f"{AGE} NaN" in frontend.sidecar.get("/metrics")[1]
    way.clear()
    frontend.tell("a")
    eventually(frontend.is_ready)


def test_the_api_server_says_something_in_each_watch_that_lives(frontend: Frontend) -> None:
    """So a watch that ends without a word is suspicious, and costs a list only where somebody keeps words back."""
    frontend.serve("a")
    ages: list[float] = []

    def have_fallen_twice() -> bool:
        ages.append(frontend.sidecar.metric(AGE))
        return sum(later < former - 5 for former, later in pairwise(ages)) == 2

    frontend.seconds_until(have_fallen_twice, 90.0)
    assert max(ages) <= 33, "a bookmark comes two seconds before the end, after 28 s"
    assert frontend.sidecar.metric('pba_sync_relists_total{reason="silent"}') == 0
    assert frontend.sidecar.metric('pba_sync_relists_total{reason="start"}') == 1
