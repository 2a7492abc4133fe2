"""What the kubelet does for the operator's container: it starts it again when it has ended.

As a real one: with the same pod's name and UID, and never before the last process is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from pba_simulation.real import Namespace

from pba_hack.loopback import free_port

_SIMULATION: Final = Path(__file__).resolve().parents[1]
_HACK: Final = _SIMULATION.parents[1] / "hack"


class Kubelet:
    """Keeps one operator process running until it is told to stop."""

    def __init__(self, place: Namespace, kubeconfig: Path, log: Path) -> None:
        self._environment = {
            "KUBECONFIG": str(kubeconfig),
            "PBA_WATCH_NAMESPACES": place.name,
            "POD_NAMESPACE": place.name,
            "POD_NAME": "pba-operator-0",
            "POD_UID": "5f2d",
            "PBA_SYNC_IMAGE": "sync:1",
            "PBA_HTTP_PORT": str(free_port()),
            "PYTHONPATH": os.pathsep.join((str(_SIMULATION), str(_HACK))),
            "PATH": "",
        }
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
                command = [sys.executable, "-m", "pba_faults.program"]
                self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
                self._started.set()
                self.ends.append(self._process.wait())

    def stop(self) -> None:
        """End the operator for good."""
        self._stopping = True
        if self._process is not None:
            self._process.terminate()
        self._thread.join(30)
