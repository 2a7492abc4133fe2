"""The sidecar as a process of its own."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

from pba_api.sidecar import ENV_HTTP_PORT
from pba_hack.loopback import free_port
from pba_lab import pages


class Sidecar:
    """The sidecar's process, and its pages."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pba_sync"],
                env={**os.environ, **environment, ENV_HTTP_PORT: str(self.port)},
                stdout=output,
                stderr=output,
            )

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page; status 0: nobody answers."""
        try:
            return pages.get(self.port, path)
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """Return a metric's value; 0 of labels that nothing was counted with yet; NaN if there is no such metric.

        It is also NaN where nobody answers, so that it compares with nothing.
        """
        status, page = self.get("/metrics")
        match = re.search(rf"(?m)^{re.escape(name)} (\S+)$", page)
        if match:
            return float(match[1])
        family = re.sub("_(bucket|count|sum)$", "", name.partition("{")[0])
        return 0.0 if status == HTTPStatus.OK and f"\n# TYPE {family} " in page else math.nan

    def memory_mebibytes(self) -> float:
        """Return the resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match is not None
        return int(match[1]) / 1024

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the process; return its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)
