"""What HAProxy had to ask of a second node, read from its counters: pure.

A line on a request names the node that answered in the end, and how many tries there were; not which nodes failed
before. HAProxy counts that by node: each try that went on to another node is a redispatch of the one that failed,
whether it refused the connection, died, or answered what is retried.

Source: HAProxy 3.0's management guide, 9.1 (`wredis`) and 9.3 (`show table`); its `assign_server_and_queue`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pba_api.sidecar import RETRIES_REFUSED, RETRIES_SPENT
from pba_sync.haproxy.errors import AnswerMalformedError

_NAME, _REDISPATCHES = "svname", "wredis"


@dataclass(frozen=True, slots=True)
class Budget:
    """What became of the budget since HAProxy started."""

    spent: int = 0
    """Retries."""
    refused: int = 0
    """Requests that would not have been retried."""


def read_redispatches(answer: str) -> dict[str, int]:
    """Return how many tries went on from each server to another one, since it was added.

    Raises:
        AnswerMalformedError: it is no table of servers.
    """
    header, *rows = answer.removeprefix("# ").rstrip("\n").split("\n")
    try:
        fields = header.split(",")
        name, count = fields.index(_NAME), fields.index(_REDISPATCHES)
        cells = (row.split(",", count + 1) for row in rows if row)
        return {row[name]: int(row[count]) for row in cells}
    except (IndexError, ValueError) as error:
        raise AnswerMalformedError(f"no redispatches in HAProxy's counters: {error!r}") from error


def failures(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return how many tries have failed at each server since; one whose count is lower is another one."""
    moved = {name: count - before.get(name, 0) for name, count in after.items()}
    return {name: gone if gone >= 0 else after[name] for name, gone in moved.items() if gone}


def read_budget(answer: str) -> Budget:
    """Return what became of the budget, from HAProxy's answer to `show table`.

    Raises:
        AnswerMalformedError: it is not the table of retries.
    """
    header, *rows = answer.strip().split("\n")
    if not header.startswith("# table: "):
        raise AnswerMalformedError(f"no table of retries: {answer[:80]!r}")
    if not rows:
        return Budget()  # no request yet
    counters = dict(re.findall(r" (gpc\d)=(\d+)", rows[0]))
    try:
        return Budget(int(counters[f"gpc{RETRIES_SPENT}"]), int(counters[f"gpc{RETRIES_REFUSED}"]))
    except KeyError as error:
        raise AnswerMalformedError(f"a counter of retries is missing: {rows[0][:80]!r}") from error
