"""What became of each request: sent = answered + failed, by node and by reason."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Snapshot:
    """The tally at one moment; times in seconds."""

    sent: int
    answered: int
    failed: int
    by_node: dict[str, int]
    by_failure: dict[str, int]
    longest_seconds: float


@dataclass
class Tally:
    """A tally that many threads keep together."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _by_node: Counter[str] = field(default_factory=Counter)
    _by_failure: Counter[str] = field(default_factory=Counter)
    _sent: int = 0
    _longest: float = 0.0

    def sent(self) -> None:
        """Count a request that is about to be sent."""
        with self._lock:
            self._sent += 1

    def answered(self, node: str, seconds: float) -> None:
        """Count an answer as it should be."""
        with self._lock:
            self._by_node[node] += 1
            self._longest = max(self._longest, seconds)

    def failed(self, why: str) -> None:
        """Count a request without an answer, or with a wrong one."""
        with self._lock:
            self._by_failure[why] += 1

    def snapshot(self) -> Snapshot:
        """Return the figures of now."""
        with self._lock:
            return Snapshot(
                sent=self._sent,
                answered=sum(self._by_node.values()),
                failed=sum(self._by_failure.values()),
                by_node=dict(self._by_node),
                by_failure=dict(self._by_failure),
                longest_seconds=self._longest,
            )
