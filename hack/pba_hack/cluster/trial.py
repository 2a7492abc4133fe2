"""Drives `hack/cluster` as a person would, for the tests: the real command, in a process of its own."""

import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from pba_hack.checkout import HACK

__all__ = ["TrialCluster", "trial_cluster"]

_PROGRAM = HACK / "cluster"
_COMMAND_SECONDS = 240.0


class TrialCluster:
    """One cluster, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *words: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Carry out a command and wait for it.

        Args:
            *words: The command and its arguments.
            check: Whether an exit status other than 0 is an error.
            stdin: What the command reads.
        """
        done = subprocess.run(
            self._command(words),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )
        if check and done.returncode:
            raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command without waiting for it."""
        return subprocess.Popen(self._command(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        found: dict[str, Any] = json.loads(self.run("status", "--json", check=False).stdout)
        return found

    def inside(self, *command: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command inside of the cluster's network."""
        return self.run("exec", "--", *command, check=check, stdin=stdin)

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """The output of a `kubectl` that succeeds."""
        return self.inside("kubectl", *words, stdin=stdin).stdout

    def get(self, *words: str) -> dict[str, Any]:
        """An object, or a list of objects."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *words, "-o", "json"))
        return found

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, str(_PROGRAM), words[0], "--name", self.name, *words[1:]]


@contextlib.contextmanager
def trial_cluster() -> Iterator[TrialCluster]:
    """A cluster's name that nobody else uses; whatever was made under it is removed afterwards."""
    cluster = TrialCluster(f"trial-{secrets.token_hex(3)}")
    try:
        yield cluster
    finally:
        cluster.run("down")
