"""What the first process of the hub or of a node is told to run; see `init/main.go` in `../go`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Program", "write_spec"]


@dataclass(frozen=True)
class Program:
    """One supervised program."""

    name: str
    command: Sequence[str]
    log: str
    after: Sequence[str] = ()
    """Addresses (`unix:PATH`, `tcp:HOST:PORT`) that must accept connections, and files (`file:PATH`) that must
    exist, before it starts."""


def write_spec(path: Path, programs: Sequence[Program]) -> None:
    """Write the file that `init` reads."""
    path.write_text(json.dumps([asdict(program) for program in programs], indent=1) + "\n")
