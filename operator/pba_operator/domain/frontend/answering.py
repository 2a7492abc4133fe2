"""Which requests a node has begun to answer: what streams, or takes its time to end, is no sign of a node that hangs.

HAProxy tells of each server how many requests it has; a counter by server, from the head of an answer to its end, how
many of these are answered already. The sidecar reads both.
"""

from __future__ import annotations

from typing import Final

from pba_api import sidecar
from pba_operator.domain.frontend.words import Counter

_NODES: Final = 4096
"""More than there are at a time; a number is another server's once its server is gone, and nothing runs on it."""


def sections() -> list[str]:
    """Return the section that counts."""
    return [
        f"backend {sidecar.TABLE_ANSWERING}",
        f"    stick-table type integer size {_NODES} store conn_cur",
    ]


def backend_rules() -> list[str]:
    """Return the rule of the nodes' backend."""
    return [
        f"http-response track-sc{Counter.ANSWERING:d} srv_id table {sidecar.TABLE_ANSWERING}",
    ]
