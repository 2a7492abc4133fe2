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
        self.idle: list[float] = []
        """The share of the machine's processors that was idle, load by load."""

    def send(self, target: str, *, seconds: float, rate: float, **kind: Unpack[Kind]) -> Load:
        """Send one, and return what became of it; the arguments are those of `load.send`."""
        with idle_share() as idle:
            load = send(target, self._records, seconds=seconds, rate=rate, first=self.sent, **kind)
        self.idle.append(idle())
        self.sent += len(load.sent)
        self.failed += load.failures.total()
        return load

    def note(self) -> str:
        """Say how busy the machine was."""
        return f"idle meanwhile: {min(self.idle):.0%} of the machine at least"
