"""What became of each request: sent = answered + failed, by node and by reason."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Failure:
    """One request that failed, as somebody looks for it in the logs of who should have answered."""

    sent_at: str
    """By this machine's clock; ISO 8601, in UTC."""
    seconds: float
    """From then until it had failed."""
    request: str
    """Its method and path."""
    request_id: str
    """Its header `X-Request-Id`."""
    node: str
    """Who answered; empty if nobody did, or did not say."""
    why: str
    """In the few words by which failures are counted."""
    detail: str
    """The exception, or the status and the beginning of the answer."""


@dataclass(frozen=True)
class Snapshot:
    """The tally at one moment; times in seconds."""

    sent: int
    by_node: dict[str, int]
    failures: tuple[Failure, ...]
    longest_seconds: float

    @property
    def answered(self) -> int:
        """How many requests were answered as they should be."""
        return sum(self.by_node.values())

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return len(self.failures)

    @property
    def by_failure(self) -> dict[str, int]:
        """How many requests failed for each reason."""
        return dict(Counter(failure.why for failure in self.failures))


@dataclass
class Tally:
    """A tally that many threads keep together."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _by_node: Counter[str] = field(default_factory=Counter)
    _failures: list[Failure] = field(default_factory=list)
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

    def failed(self, failure: Failure) -> None:
        """Record a request without an answer, or with a wrong one."""
        with self._lock:
            self._failures.append(failure)

    def snapshot(self) -> Snapshot:
        """Return the figures of now."""
        with self._lock:
            return Snapshot(
                sent=self._sent,
                by_node=dict(self._by_node),
                failures=tuple(self._failures),
                longest_seconds=self._longest,
            )
