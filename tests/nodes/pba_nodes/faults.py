"""Faults by `hack/cluster`, each undone at the latest when its test ends."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

CLUSTER = Path(__file__).resolve().parents[3] / "hack" / "cluster"
END = {"crash": "restart", "partition": "heal", "freeze": "thaw"}
_SECONDS = 180


def words_of(pod: dict[str, Any], container: str) -> tuple[str, ...]:
    """Return a container of a pod as `hack/cluster freeze` and `kill` take it."""
    metadata = pod["metadata"]
    return metadata["name"], "--namespace", metadata["namespace"], "--container", container


class Faults:
    """The faults that last now; inside of `hack/cluster exec`, the cluster is the one around us."""

    def __init__(self) -> None:
        self._lasting: list[tuple[str, tuple[str, ...]]] = []

    def begin(self, fault: str, *words: str) -> None:
        """Bring about a fault that lasts.

        Args:
            fault: `crash`, `partition` or `freeze`.
            *words: the machine or the pod, as `hack/cluster` takes it.
        """
        self._lasting.append((fault, words))
        self.run(fault, *words)

    def end_all(self) -> None:
        """Undo all faults that last."""
        while self._lasting:
            fault, words = self._lasting[-1]
            self.run(END[fault], *words)
            self._lasting.pop()

    @staticmethod
    def run(*words: str) -> None:
        """Run one command of `hack/cluster`.

        Raises:
            AssertionError: it failed; with what it said.
        """
        done = subprocess.run(
            [str(CLUSTER), *words], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        assert done.returncode == 0, f"hack/cluster {' '.join(words)}:\n{done.stdout}{done.stderr}"
