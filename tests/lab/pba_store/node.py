"""Nodes of the application as processes, and the database that they share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pba_hack.checkout import HACK
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for
from pba_store.browser import Answer, Browser
from pba_store.certificates import HOST
from pba_store.mysql import Mysql

PROGRAM: Final = {"PYTHONPATH": str(HACK / "demoapp")}
"""The environment in which Python finds the application."""
_END_SECONDS: Final = 60.0


class Node:
    """A node of the application: a process as in its container."""

    def __init__(self, folder: Path, name: str, environment: dict[str, str]) -> None:
        self.name, self.port = name, free_port()
        self._log = folder / f"{name}.log"
        own = {"NODE_NAME": name, "PORT": str(self.port), **PROGRAM}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pba_demoapp"],
                env={"PATH": os.environ["PATH"]} | own | environment,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> Answer:
        return Browser().request(self, "GET", path)

    def answers(self) -> bool:
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def is_ready(self) -> bool:
        try:
            return self.get("/healthz/ready").status == 200
        except OSError:
            return False

    def wait_ready(self) -> Node:
        wait_for(f"{self.name} to be ready", self.is_ready)
        return self

    def stop(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_END_SECONDS)


@dataclass
class Stage:
    """A database of its own, and the nodes before it."""

    mysql: Mysql
    database: str
    folder: Path
    nodes: list[Node]

    def environment(self, **changed: str) -> dict[str, str]:
        return {
            "DB_HOST": HOST,
            "DB_PORT": str(self.mysql.port),
            "DB_NAME": self.database,
            "DB_USER": "app",
            "DB_PASSWORD": "secret",
            "DB_CA": str(self.mysql.ca),
            "RESELLER_PASSWORD": "the-reseller",
        } | changed

    def node(self, name: str = "node-a", **changed: str) -> Node:
        node = Node(self.folder, name, self.environment(**changed))
        self.nodes.append(node)
        return node

    def check(self) -> dict[str, Any]:
        found: dict[str, Any] = self.nodes[0].get("/ledger/check").json
        return found
