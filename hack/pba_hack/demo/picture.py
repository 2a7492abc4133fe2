"""What the demo shows: headings, and the live picture of who answered how often, and what was sent and failed.

On a terminal it is drawn over itself; elsewhere (a log) it is a line now and then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from pba_hack.traffic.tally import Snapshot

BAR_WIDTH = 40


def say(text: str) -> None:
    """Print a heading."""
    sys.stdout.write(f"\n==> {text}\n")
    sys.stdout.flush()


def lines(counts: Snapshot, state: str) -> list[str]:
    """Return the picture as lines of text."""
    most = max(counts.by_node.values(), default=1)
    rows = [
        f"  {node:<36} {'█' * max(1, round(BAR_WIDTH * count / most)):<{BAR_WIDTH}} {count:>6}"
        for node, count in sorted(counts.by_node.items())
    ]
    return [
        f"  {state}",
        *rows,
        f"  {counts.sent} requests sent, {counts.answered} answered, {counts.failed} failed",
    ]


def one_line(counts: Snapshot, state: str) -> str:
    """Return the picture in one line, for logs."""
    nodes = " ".join(f"{node.rsplit('-', 1)[-1]}:{count}" for node, count in sorted(counts.by_node.items()))
    return f"  {state}: {counts.sent} sent, {counts.failed} failed | {nodes}"


class Picture:
    """Draws on standard output."""

    def __init__(
        self, write: Callable[[str], object] = sys.stdout.write, *, terminal: bool | None = None
    ) -> None:
        """Draw with `write`; over itself if it is a terminal."""
        self._write = write
        self._terminal = sys.stdout.isatty() if terminal is None else terminal
        self._drawn = 0

    def draw(self, counts: Snapshot, state: str) -> None:
        """Show the figures of now."""
        if not self._terminal:
            self._write(one_line(counts, state) + "\n")
            sys.stdout.flush()
            return
        if self._drawn:
            self._write(f"\x1b[{self._drawn}A")
        rows = lines(counts, state)
        self._write("".join(f"\x1b[2K{row}\n" for row in rows))
        sys.stdout.flush()
        self._drawn = len(rows)
