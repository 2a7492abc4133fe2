"""Everything that a PBACluster's `Ready` said while somebody listened, however short."""

from __future__ import annotations

import json
import subprocess
import threading
from types import TracebackType
from typing import Any, Self

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]


class ReadyHistory:
    """The history of the condition `Ready`, from a watch: none of its values is missed between two looks."""

    def __init__(self, kubectl: Kubectl, name: str) -> None:
        path = '{.status.conditions[?(@.type=="Ready")]}{"\\n"}'
        words = ["get", "pbacluster", name, "--watch", "-o", f"jsonpath={path}"]
        self._command = ["kubectl", "--namespace", kubectl.namespace, *words]
        self.seen: list[Json] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_for("the watch to begin", lambda: self.seen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.seen.extend(json.loads(line) for line in lines if line.strip())

    def blamed(self, part: str) -> bool:
        """Tell whether `Ready` was ever False since, and named `part`."""
        return any(entry["status"] == "False" and part in entry["message"] for entry in self.seen)

    def wait_blamed(self, part: str, seconds: float = 120.0) -> None:
        """Wait until `Ready` was False and named `part`."""
        wait_for(f"Ready to name {part}", lambda: self.blamed(part), seconds)
