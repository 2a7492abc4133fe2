"""What a watch told while somebody listened, however short it was true."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What a watch told, and when it came: seconds of `time.monotonic`."""

    at: float
    what: Json


class History:
    """All that a watch by kubectl tells: no state of an object is missed between two looks."""

    def __init__(self, kubectl: Kubectl, *words: str, path: str = "{}") -> None:
        """Prepare to watch.

        Args:
            kubectl: in the namespace of the objects.
            *words: the kind, and a name or options, as `kubectl get` takes them.
            path: which part of each object is kept, as a JSONPath; all of it if nothing else is said.
        """
        options = ["--watch", "-o", f'jsonpath={path}{{"\\n"}}']
        self._command = ["kubectl", "--namespace", kubectl.namespace, "get", *words, *options]
        self.told: list[Told] = []

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; what was told stays."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.told.extend(Told(time.monotonic(), json.loads(line)) for line in lines if line.strip())

    def first(self, is_meant: Callable[[Json], bool]) -> Told | None:
        """Return the first that was told of which `is_meant` is true."""
        return next((told for told in self.told if is_meant(told.what)), None)


class ReadyHistory(History):
    """The history of the condition `Ready` of one PBACluster."""

    def __init__(self, kubectl: Kubectl, name: str) -> None:
        """Prepare to watch the PBACluster `name`."""
        super().__init__(kubectl, "pbacluster", name, path='{.status.conditions[?(@.type=="Ready")]}')

    def __enter__(self) -> Self:
        """Begin to listen; return when the first was told."""
        super().__enter__()
        wait_for("the watch to begin", lambda: self.told)
        return self

    def blamed(self, part: str) -> Told | None:
        """Return when `Ready` was first False and named `part`; None if it never was."""
        return self.first(lambda entry: entry["status"] == "False" and part in entry["message"])

    def wait_blamed(self, part: str, seconds: float = 120.0) -> Told:
        """Wait until `Ready` was False and named `part`; return when it first was."""
        return wait_for(f"Ready to name {part}", lambda: self.blamed(part), seconds)
