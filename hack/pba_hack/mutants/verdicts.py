"""What is known of each mutant, kept line by line so that a run that is cut off loses one mutant at most.

A verdict holds as long as its function is the same, and: for a mutant that was killed, as long as the test that killed
it is there; for one that survived, as long as the tests are the same. What else a function calls may have changed: a
run with `--fresh` asks everything anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

KILLED, SURVIVED, UNTESTED, ENDLESS = "killed", "survived", "no test", "endless"
NOTICED = (KILLED, ENDLESS)
"""A mutant that never ends is noticed by whoever waits for the tests."""


@dataclass(frozen=True)
class Verdict:
    """The outcome for one mutant.

    `function`: the hash of the function. `tests`: the hash of all tests. `by`: the test that failed.
    """

    mutant: str
    function: str
    tests: str
    outcome: str
    by: str = ""


def order(mutants: Iterable[str]) -> list[str]:
    """Return the mutants in the order in which they are asked: by chance, but always the same."""
    return sorted(mutants, key=lambda mutant: hashlib.sha256(mutant.encode()).digest())


class Verdicts:
    """The verdicts of this run and of those before."""

    def __init__(self, path: Path) -> None:
        """Read what is there; `path` need not exist."""
        self._path = path
        self._known: dict[str, Verdict] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            verdict = Verdict(**json.loads(line))
            self._known[verdict.mutant] = verdict

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict."""
        self._known[verdict.mutant] = verdict
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")

    def valid(
        self, index: Mapping[str, Mapping[str, str]], tests: str, names: Collection[str] | None = None
    ) -> dict[str, Verdict]:
        """Return the verdicts that hold, by mutant.

        Args:
            index: the mutants there are.
            tests: the hash of the tests.
            names: the names of all tests; None if they are not known.
        """
        return {
            mutant: verdict
            for mutant, verdict in self._known.items()
            if mutant in index
            and verdict.function == index[mutant]["hash"]
            and (
                (names is None or verdict.by in names)
                if verdict.outcome == KILLED
                else verdict.tests == tests
            )
        }
