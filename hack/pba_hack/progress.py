"""Says what is going on and how long it took, and runs other programs with their output kept in a log.

Progress goes to standard error: standard output belongs to what a command is asked for. Every step's time is
kept so that a command can record where its time went.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

__all__ = ["CommandFailedError", "Progress", "Step", "run"]

_STILL_SECONDS = 30.0
_TAIL_LINES = 25


class CommandFailedError(RuntimeError):
    """A program ended with a non-zero status; the message holds its last lines."""


@dataclass(frozen=True)
class Step:
    """One finished step of a command."""

    title: str
    seconds: float


class Progress:
    """Prints one line when a step starts and one with the time when it is done; safe to use from threads."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.steps: list[Step] = []
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Time since this progress began."""
        return self._clock() - self._began

    def say(self, text: str) -> None:
        """Print one line at once."""
        with self._lock:
            print(text, file=self._stream, flush=True)

    @contextlib.contextmanager
    def step(self, title: str, *, announce: bool = False) -> Iterator[None]:
        """Time a step; `announce` says that it starts, for what may take long."""
        began = self._clock()
        if announce:
            self.say(f"  ... {title}")
        try:
            yield
        except BaseException:
            self.say(f" FAIL {title} ({self._clock() - began:.1f} s)")
            raise
        seconds = self._clock() - began
        self.say(f"   ok {title} ({seconds:.1f} s)")
        with self._lock:
            self.steps.append(Step(title, round(seconds, 2)))

    def save(self, path: Path) -> None:
        """Record the steps and the total time as JSON."""
        record = {"seconds": round(self.seconds, 2), "steps": [asdict(step) for step in self.steps]}
        path.write_text(json.dumps(record, indent=2) + "\n")


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Run a program with its output appended to a log file.

    Args:
        command: Program and arguments.
        log: Where its output goes; the folder is made.
        env: Added to our own environment.
        cwd: Working folder.
        progress: Told every half minute that the program still runs.

    Raises:
        CommandFailedError: It ended with another status than 0, or could not be started.
    """
    words = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {' '.join(words)}\n".encode())
        output.flush()
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )
        except OSError as error:
            raise CommandFailedError(f"cannot run {words[0]}: {error.strerror}") from error
        status = _wait(process, Path(words[0]).name, progress)
    if status:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        raise CommandFailedError(f"{words[0]} ended with status {status}; the end of {log}:\n{tail}")


def _wait(process: subprocess.Popen[bytes], name: str, progress: Progress | None) -> int:
    began = time.monotonic()
    try:
        while True:
            try:
                return process.wait(_STILL_SECONDS)
            except subprocess.TimeoutExpired:
                if progress:
                    progress.say(f"      {name} has been at it for {time.monotonic() - began:.0f} s")
    except BaseException:
        process.kill()
        process.wait()
        raise
