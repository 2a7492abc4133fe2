"""One load after another, in one run of a case: no two requests have the same number."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from pba_hack.bench.balancer.load import Kind, Load, send
from pba_hack.process_usage import idle_share


class Loads:
    """Sends loads, and remembers what they have in common."""

    def __init__(self, folder: Path) -> None:
        """Begin with none; the records of the last one are in the folder."""
        self._records = folder / "records.csv"
        self.sent = 0
        self.failed = 0
        """So many failed in all."""
        self._idle: dict[str, list[float]] = {}
        """The share of the machine's processors that was idle, load by load, by whom they were sent to."""

    def send(self, target: str, whose: str, *, seconds: float, rate: float, **kind: Unpack[Kind]) -> Load:
        """Send one, and return what became of it.

        Args:
            target: where to.
            whose: to whom, in what is told.
            seconds: for how long.
            rate: so many requests a second.
            kind: what else `load.send` may be told.
        """
        with idle_share() as idle:
            load = send(target, self._records, seconds=seconds, rate=rate, first=self.sent, **kind)
        self._idle.setdefault(whose, []).append(idle())
        self.sent += len(load.sent)
        self.failed += load.failures.total()
        return load

    def note(self) -> str:
        """Say how busy the machine was."""
        least = ", ".join(f"{min(shares):.0%} with {whose}" for whose, shares in self._idle.items())
        return f"idle of the machine at least: {least}"
