"""What becomes of requests: which of them meet which fault, how often.

Refuse       the API server says no: 409, 410, 429 with Retry-After, 500 ...; nothing was done
LoseAnswer   it is done, and the connection breaks before the answer has come
Silence      no answer comes at all; `done` says whether it was carried out
Late         all is as it should be, so many seconds later
"""

from __future__ import annotations

import http
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pba_faults.exchange import Exchange


@dataclass(frozen=True)
class Refuse:
    """An answer in the API server's place."""

    code: int
    reason: str = ""
    retry_after: int | None = None

    @property
    def body(self) -> dict[str, object]:
        """The `Status` that the API server would send."""
        reason = self.reason or http.HTTPStatus(self.code).phrase.replace(" ", "")
        message = f"a fault of this test: {reason}"
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": self.code}
        return {**status, "reason": reason, "message": message}


@dataclass(frozen=True)
class LoseAnswer:
    """What was asked for is done; its answer never comes."""


@dataclass(frozen=True)
class Silence:
    """A connection on which nothing comes any more, until the client gives it up."""

    done: bool = False


@dataclass(frozen=True)
class Late:
    """A request that is carried out, and answered, some seconds later."""

    seconds: float


Fault = Refuse | LoseAnswer | Silence | Late
Where = Callable[[Exchange], bool]


@dataclass
class Rule:
    """Requests that `where` holds for meet `fault`: the first `times` of them, after the first `skip`."""

    fault: Fault
    where: Where
    times: float = 1
    skip: int = 0
    met: list[Exchange] = field(default_factory=list)
    """Those that have met it."""

    def meets(self, exchange: Exchange) -> bool:
        """Tell whether this request does; counts it."""
        if len(self.met) >= self.times or not self.where(exchange):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.met.append(exchange)
        return True


@dataclass
class Weather:
    """Faults that requests meet by chance, one in about six, for as long as the weather lasts.

    Requests to a Lease are spared: what happens to those is another test's story.
    """

    seed: int
    met: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a test's own dice
        self._spared = self._random.randint(0, 10)

    def fault(self, exchange: Exchange) -> Fault | None:
        """Return what this request meets."""
        if exchange.kind in ("", "Lease"):
            return None
        self._spared -= 1
        if self._spared >= 0:
            return None
        self._spared = self._random.randint(0, 10)
        self.met.append(exchange)
        choice: list[Fault] = [Refuse(500), Refuse(429, retry_after=1), Refuse(503)]
        if exchange.verb != "WATCH":
            choice.append(LoseAnswer())
        if exchange.is_write:
            choice.append(Refuse(409, "Conflict"))
        return self._random.choice(choice)
