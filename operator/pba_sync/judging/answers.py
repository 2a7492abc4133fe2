"""What became of requests, read from the lines that HAProxy keeps of the last ones: pure.

HAProxy writes a line for each request into a ring in its memory (`sidecar.ANSWERS`), and we read the whole ring again
and again: it costs nobody a system call for each request. What is overwritten before we come is not seen; at such rates
what is left is sample enough.

Source: HAProxy 3.0's configuration manual, 8.2.3 (the fields) and 8.5 (how a session ended).
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pba_api import log_fields
from pba_api.sidecar import TRY
from pba_sync.judging.pasts import Asked, End

_REFUSED: Final = 400
_ERROR: Final = 500
_NODES_FAULT: Final = frozenset("Ss")
"""First letter of how a session ended: the server broke off, or did not answer in time."""
_CLIENTS_FAULT: Final = frozenset("Cc")
_CUT_OFF: Final = "K"
"""We have ended it, at the deadline of a node that goes; its status is then 500, also of a WebSocket's (3.0.11)."""
_COOKIES: Final = {"N": "new", "V": "bound", "D": "down", "I": "unknown"}
"""Third letter of how a session ended: what the client's cookie said."""

Line = Mapping[str, Any]
"""The fields of a line, by their names."""


class Answer(NamedTuple):
    """How one request ended that was sent to a node, or one try of it."""

    node: str
    end: End
    retried: bool = False
    """Whether there was a try before, at a node that the line does not name."""
    cookie: str = ""
    """What the client's said of it: new, bound to the node, or to one that is down, that is left, or that nobody knows;
    empty, where no cookie binds clients."""
    passed_on: bool = False
    """Whether it is a try that failed, after which another node was asked."""


def news(lines: Sequence[str], last: str) -> Sequence[str]:
    """Return the lines that came after `last`, the last one that was seen; all, if it is not there any more."""
    for place in range(len(lines) - 1, -1, -1):
        if lines[place] == last:
            return lines[place + 1 :]
    return lines


def parsed(lines: Iterable[str]) -> list[Line]:
    """Return the fields of lines; those that we cannot read are left out."""
    found: list[Line] = []
    for line in lines:
        with contextlib.suppress(ValueError):
            fields = json.loads(line)
            if isinstance(fields, dict):
                found.append(fields)
    return found


def cut_off(lines: Iterable[Line]) -> Counter[str]:
    """Return how many requests we have ended at the deadline of a node that goes; those of WebSocket by its name."""
    return Counter(
        "websocket" if line.get(log_fields.UPGRADED) else "request"
        for line in lines
        if str(line.get(log_fields.END, "")).startswith(_CUT_OFF)
    )


def refused(lines: Iterable[Line]) -> Counter[str]:
    """Return how many requests no node has got, by the status that HAProxy itself has answered: an error."""
    return Counter(
        f"{_number(line.get(log_fields.STATUS)):.0f}"
        for line in lines
        if str(line.get(log_fields.NODE, "")).startswith("<")
        and _number(line.get(log_fields.STATUS)) >= _REFUSED
        and str(line.get(log_fields.END, ""))[:1] not in _CLIENTS_FAULT
    )


def read(lines: Iterable[Line]) -> list[Answer]:
    """Return the answers that nodes gave, or failed to give."""
    found = (_answer(line) for line in lines)
    return [answer for answer in found if answer is not None]


def _answer(line: Line) -> Answer | None:
    node, end = str(line.get(log_fields.NODE, "")), str(line.get(log_fields.END, "")) or "-"
    tried = _number(line.get(log_fields.RETRIES)) > 0
    trial = str(line.get(log_fields.TRIAL, ""))
    seconds = _number(line.get(log_fields.TOTAL_MILLISECONDS)) / 1000
    node = trial if trial and node == TRY else node
    if trial not in ("", node):
        # The node on trial has failed, if there was another try; if not, it was not there any more. Of how long the
        # other node took, which was asked then, the line does not tell.
        return Answer(trial, End(-1.0, failed=True, seconds=seconds, trial=True), tried) if tried else None
    milliseconds = _number(line.get(log_fields.RESPONSE_MILLISECONDS))
    if not node or node.startswith("<") or end[0] in _CLIENTS_FAULT or end[0] == _CUT_OFF:
        return None  # it was sent to no node, or its client, or we, did not wait for the answer
    failed = end[0] in _NODES_FAULT or _number(line.get(log_fields.STATUS)) >= _ERROR
    if milliseconds < 0 and not failed:
        return None
    cookie = "left" if line.get(log_fields.LEFT) else _COOKIES.get(end[2:3], "")
    address = line.get(log_fields.CLIENT)
    asked = Asked(str(address), str(line.get(log_fields.PATH, ""))) if address else None
    return Answer(node, End(milliseconds, failed, seconds, bool(trial), asked), tried, cookie)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else -1.0


def by_node(answers: Iterable[Answer], names: Iterable[str]) -> dict[str, list[End]]:
    """Return what ended at each of the nodes of these names, in its order."""
    ends: dict[str, list[End]] = {name: [] for name in names}
    for answer in answers:
        if answer.node in ends:
            ends[answer.node].append(answer.end)
    return ends
