"""What clients ask for over all frontends: pure.

Each sidecar tells the others what the busier clients ask its frontend for. Where that is more than the limit together,
each HAProxy is told what comes to the others, and lets its part through (ADR 16).

What must stay true:
- nobody is refused for a doubt: a client that has only moved from one frontend to another counts at both for a while,
  because a rate is one of the last second and what others say of it is older still. So it must have been too much for
  longer than that can take;
- a client that no other frontend tells of any more has its whole limit here at once;
- how many clients are told of is bounded, whoever sends requests.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from pba_sync.haproxy.errors import AnswerMalformedError

_FADES_SECONDS: Final = 2.0
"""So long a rate of HAProxy's tells of a client that is gone: it is made from this second and the one before."""
FRESH_SECONDS: Final = 1.0
"""What was seen longer ago is told to nobody."""
_MOST: Final = 2**32 - 1
"""The highest rate that HAProxy's tables hold."""
PATIENCE_SECONDS: Final = 0.25
"""So long the others are waited for, all of them together."""
HOLD_SECONDS: Final = _FADES_SECONDS + FRESH_SECONDS + PATIENCE_SECONDS
"""From the first look at which a client asks for too much until the others' counts are held against it: by then, what
has only moved from there to here is not told any more."""
MAX_CLIENTS: Final = 5_000
"""Of so many clients is told. The others are counted by each frontend for itself."""
MAX_BYTES: Final = 200 * MAX_CLIENTS
"""So much is read of a table, or of a page: an entry of the one has some 150 bytes, of the other at most 60."""
_UNTOLD_SHARE: Final = 10
"""What no frontend tells the others of is a tenth of the limit at most, all of them together."""

_ASKED: Final = "asked"
"""In a page: requests in a second, by client."""
_HEADER: Final = "# table: "
_ENTRY: Final = re.compile(r" key=([0-9a-f.:]+) .*\bhttp_req_rate\(\d+\)=(\d+)")


def untold(limit: int, frontends: int) -> int:
    """Return how much a client may ask one frontend for without the others being told."""
    return max(1, limit // (_UNTOLD_SHARE * frontends))


def read_rates(answer: str) -> dict[str, int]:
    """Return the clients' requests in a second, from HAProxy's answer to `show table`; of many clients, of some.

    Raises:
        AnswerMalformedError: it is not the table of clients.
    """
    header, *rows = answer.rpartition("\n")[0].strip().split("\n")  # the last line may have been cut
    if not header.startswith(_HEADER):
        raise AnswerMalformedError(f"no table of clients: {answer[:80]!r}")
    entries = [_ENTRY.search(row) for row in islice(rows, MAX_CLIENTS)]
    if not all(entries):
        raise AnswerMalformedError(f"not the entry of a client: {rows[entries.index(None)][:80]!r}")
    return {entry[1]: int(entry[2]) for entry in entries if entry}


def page(rates: Mapping[str, int]) -> bytes:
    """Return what the other sidecars are told."""
    return json.dumps({_ASKED: rates}, separators=(",", ":")).encode()


def read_page(text: bytes) -> dict[str, int]:
    """Return what another sidecar tells, a newer one perhaps; what is no client of ours is never looked for.

    Raises:
        ValueError: it is no such page.
    """
    try:
        told = json.loads(text)
    except RecursionError:  # lists in lists, thousands of times
        told = None
    found = told.get(_ASKED) if isinstance(told, dict) else None
    if not isinstance(found, dict) or not all(map(_is_rate, found.values())):
        raise ValueError(f"not the rates of clients: {text[:80]!r}")
    return found


def _is_rate(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def total_rates(told: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return what clients ask all other frontends for."""
    total: Counter[str] = Counter()
    for rates in told:
        total.update(rates)
    return dict(total)


class Spread:
    """Knows the clients that ask for too much at several frontends together, and what HAProxy was told of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._since: dict[str, float] = {}
        self.told: Mapping[str, int] = {}
        """What such clients ask the other frontends for."""

    def look(self, now: float, here: Mapping[str, int], elsewhere: Mapping[str, int]) -> dict[str, int]:
        """Return what HAProxy is to be told now: of those that it knows of and that are none any more, nothing (0).

        Args:
            now: monotonic seconds.
            here: what clients ask this frontend for.
            elsewhere: what clients ask the others for.
        """
        beyond = [
            client
            for client, rate in here.items()
            if elsewhere.get(client) and rate + elsewhere[client] > self._limit
        ]
        self._since = {client: self._since.get(client, now) for client in beyond}
        known, self.told = (
            self.told,
            {
                client: elsewhere[client]
                for client, since in self._since.items()
                if now - since >= HOLD_SECONDS
            },
        )
        return {**dict.fromkeys(known, 0), **self.told}
