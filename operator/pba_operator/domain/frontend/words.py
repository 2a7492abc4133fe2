"""Words of HAProxy's configuration, and where its files lie."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

CONFIG_FOLDER: Final = "/etc/haproxy-pba"
"""In HAProxy's container: its configuration, and the files that this names."""

CAME_BY_TLS: Final = "txn.came_by_tls"
"""The variable that is true if a client came by TLS to a proxy that is believed."""

UNANSWERED: Final = "conn-failure empty-response junk-response response-timeout"
"""What HAProxy may send to another node, in `retry-on`: a node that gave no answer."""
ERRORS: Final = "500 502 503 504"
"""The same: answers that another node may not give."""


class Counter(IntEnum):
    """HAProxy's sticky counters of a request, by what is counted with them."""

    CLIENT = 0
    """A client's requests, as far as limited."""
    REQUESTS = 1
    """All requests under way."""
    RETRIES = 2
    CONNECTION = 3
    """A client's connections."""
    CROWD = 4
    """A client's requests that begin when there are many."""
    ANSWERING = 5
    """A node's requests whose answers have begun."""


_ROOM_FOR_ONE: Final = 16
"""The size of a stick table with one entry. A thread of HAProxy (3.0.11) that has not found the entry makes room for
one before it looks whether another has made it meanwhile; in a table of one it throws that away, with its counts."""

_INDENTATION: Final = "    "


def one_entry_table(name: str, stored: str) -> list[str]:
    """Return the section `name` with a stick table that has one entry, of the key 0, and stores `stored` in it."""
    return [f"backend {name}", f"    stick-table type integer size {_ROOM_FOR_ONE} store {stored}"]


def is_quotable(word: str) -> bool:
    """Tell whether HAProxy's configuration can hold `word`: no quoting carries a control character."""
    return word.isprintable()


def quoted(word: str) -> str:
    """Return `word` as one word of HAProxy's configuration, whatever characters it holds.

    Raises:
        ValueError: it is not quotable (the schema refuses it before, and so does `cluster.read`).
    """
    if not is_quotable(word):
        raise ValueError(f"HAProxy's configuration cannot hold {word!r}")
    return "'" + word.replace("'", "'\\''") + "'"


def indented(lines: Iterable[str]) -> str:
    """Return lines as they stand in a section, for a placeholder that stands alone on its line.

    What is filled in takes the placeholder's line with it where there are no lines.
    """
    return "\n".join(line if not line or line.startswith(".") else _INDENTATION + line for line in lines)
