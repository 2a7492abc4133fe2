"""What the kubelet does for the operator's container: it starts it again when it has ended.

As a real one: with the same pod's name and UID, and never before the last process is gone.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from pba_simulation.real import Namespace

from pba_faults.container import COMMAND, environment
from pba_hack.loopback import free_port


class Kubelet:
    """Keeps one operator process running until it is told to stop."""

    def __init__(self, place: Namespace, kubeconfig: Path, log: Path) -> None:
        self._environment = environment(place, kubeconfig, ("pba-operator-0", "5f2d"), free_port())
        self._log = log
        self.ends: list[int] = []
        """The exit codes so far."""
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet")

    def start(self) -> None:
        """Start the operator."""
        self._thread.start()
        self._started.wait()

    def _run(self) -> None:
        with self._log.open("ab") as log:
            while not self._stopping:
                self._process = subprocess.Popen(COMMAND, env=self._environment, stdout=log, stderr=log)
                self._started.set()
                self.ends.append(self._process.wait())

    def stop(self) -> None:
        """End the operator for good."""
        self._stopping = True
        if self._process is not None:
            self._process.terminate()
        self._thread.join(30)
