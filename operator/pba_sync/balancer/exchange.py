"""The sidecars tell each other what clients ask their frontends for, and HAProxy what concerns its own.

What must stay true: a frontend that does not answer, or says what cannot be read, counts as one that no client asks for
anything, and holds up neither the others nor this. Without a client that asks for much, nobody is asked.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from http import HTTPStatus
from typing import Final, Protocol

from pba_api.sidecar import RATES_PATH
from pba_sync.balancer import rates
from pba_sync.balancer.others import Address
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Command
from pba_sync.looks import Looks

LOOK_SECONDS: Final = 0.5
ASK_SECONDS: Final = 0.5
"""How long another sidecar may take for each step of its answer; who is late is asked anew once that is over."""
_AT_A_TIME: Final = 8
_NOTHING: Final = rates.page({})


class Runtime(Protocol):
    """HAProxy, as far as this needs it."""

    def ask(self, command: Command, most: int | None = None) -> str:
        """Return the answer to a command that shows something, or so many bytes of it."""

    def run(self, command: Command) -> None:
        """Carry out a command."""


def ask(address: Address) -> dict[str, int]:
    """Return what the sidecar there tells.

    Raises:
        OSError: nobody answers (in time).
        http.client.HTTPException: it does not speak HTTP.
        ValueError: it tells nothing that can be read.
    """
    connection = http.client.HTTPConnection(*address, timeout=ASK_SECONDS)
    try:
        connection.request("GET", RATES_PATH)
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise ValueError(f"status {answer.status}")
        return rates.read_page(answer.read(rates.MAX_BYTES))
    finally:
        connection.close()


class Exchange:
    """Keeps HAProxy's knowledge of what its clients ask other frontends for."""

    def __init__(
        self,
        haproxy: Runtime,
        limit: int,
        others: Callable[[], Mapping[str, Address]],
        clock: Callable[[], float],
        on_look: Callable[[int, int], None] = lambda _spread, _unheard: None,
    ) -> None:
        """Look at nothing yet.

        Args:
            haproxy: of this pod.
            limit: requests of a client in a second, over all frontends.
            others: where the other frontends' sidecars are, by the names of their pods.
            clock: monotonic seconds.
            on_look: is told how many clients ask for too much at several frontends together, and how many of those
                that were asked did not answer.
        """
        self._haproxy = haproxy
        self._limit = limit
        self._others = others
        self._clock = clock
        self._on_look = on_look
        self._begin()
        self._pool = ThreadPoolExecutor(_AT_A_TIME, "rates")
        self._asked: dict[str, Future[dict[str, int]]] = {}
        self._page = _NOTHING
        self.looks = Looks(
            clock,
            problem="clients' requests are not summed over all frontends: %s",
            fault="a look at the clients' rates failed on a fault of its own",
            forget=self._begin,
        )

    def _begin(self) -> None:
        """Begin with nothing learnt."""
        self._spread = rates.Spread(self._limit)

    def page(self) -> bytes:
        """Return what the other sidecars are told."""
        return self._page if self._clock() - self.looks.ended_at < rates.FRESH_SECONDS else _NOTHING

    def run(self, ended: threading.Event) -> None:
        """Look after look, until `ended` is set."""
        while not ended.is_set():
            began = self._clock()
            self.step()
            ended.wait(max(0.0, began + LOOK_SECONDS - self._clock()))

    def step(self) -> None:
        """Look once."""
        with self.looks.once() as problems:
            problems.extend(self._look())
            return
        self._page = _NOTHING  # the look failed: nobody is held to what was seen before

    def _look(self) -> list[str]:
        """Look once; return what is wrong with other frontends."""
        others = self._others()
        show = commands.show_clients(rates.untold(self._limit, 1 + len(others)))
        here = rates.read_rates(self._haproxy.ask(show, rates.MAX_BYTES))
        self._page = rates.page(here)
        told, problems = self._ask(others) if here else ([], [])
        steps = list(self._spread.look(self._clock(), here, rates.total_rates(told)).items())
        for first in range(0, len(steps), commands.CLIENTS_AT_ONCE):
            some = steps[first : first + commands.CLIENTS_AT_ONCE]
            self._haproxy.run(commands.tell_elsewhere(dict(some)))
        self._on_look(len(self._spread.told), len(problems))
        return problems

    def _ask(self, others: Mapping[str, Address]) -> tuple[list[dict[str, int]], list[str]]:
        """Ask the other sidecars; return what they tell, and what is wrong with the others."""
        slow = {name: future for name, future in self._asked.items() if not future.done()}
        asked = {
            name: self._pool.submit(ask, address) for name, address in others.items() if name not in slow
        }
        done, _ = wait(asked.values(), rates.PATIENCE_SECONDS)
        self._asked = {**slow, **{name: future for name, future in asked.items() if future not in done}}
        told, problems = [], [f"{name} does not answer in time" for name in self._asked if name in others]
        for name, future in asked.items():
            if future not in done:
                continue
            try:
                told.append(future.result())
            except (OSError, http.client.HTTPException, ValueError) as error:
                problems.append(f"{name}: {error}")
        return told, problems
