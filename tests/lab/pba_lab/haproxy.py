"""The real HAProxy as a child process: the binary of the image, the operator's configuration, loopback ports."""

from __future__ import annotations

import contextlib
import csv
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pba_api import ports, sidecar
from pba_hack.images.rootfs import command, rootfs
from pba_hack.loopback import free_port
from pba_operator.domain.frontend.haproxy_cfg import THREADS
from pba_operator.domain.frontend.words import CONFIG_FOLDER
from pba_sync.haproxy.connecting import connected

OVERSHOOT: Final = THREADS - 1
"""So many requests more than it may a node has at most, now and then: an HAProxy before 3.2 looks whether there is a
place, and takes it a moment later, and each other thread may do so meanwhile (mended by its commit 3372a2ea0)."""
_ANSWER_SECONDS = 5.0
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0


class HAProxyDiedError(RuntimeError):
    """HAProxy did not start; the message holds its log."""


def ask(at: Path, text: str) -> str:
    """Return HAProxy's answer to one command of the runtime API at a socket."""
    chunks = []
    with connected(at, _ANSWER_SECONDS) as connection:
        connection.sendall(text.encode() + b"\n")
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks).decode()


class HAProxyProcess:
    """One HAProxy, its runtime socket and its log in one folder."""

    def __init__(
        self,
        configuration: str,
        folder: Path,
        files: Mapping[str, str] | None = None,
        pod_ips: str = "127.0.0.1",
    ) -> None:
        """Prepare; `configuration` is moved from the pod's ports and paths to free ports and `folder`.

        Args:
            configuration: the text of haproxy.cfg, as in the pod.
            folder: a short path (a socket's path has at most 107 characters).
            files: what lies beside it in the pod, by name.
            pod_ips: the pod's addresses; with one of IPv6, HAProxy listens on all of the machine's.
        """
        self._pod_ips = pod_ips
        self.folder = folder
        self.socket = folder / "admin.sock"
        self.log = folder / "haproxy.log"
        self.port = free_port()
        self.tls_port = free_port()
        self.health_port = free_port()
        # Two that were given the same port would share its connections, and nobody would notice.
        text = configuration.replace("global\n", "global\n    noreuseport\n", 1).replace(
            f"{sidecar.RUN_FOLDER}/", f"{folder}/"
        )
        text = text.replace(f"{CONFIG_FOLDER}/", f"{folder}/").replace(sidecar.TLS_FOLDER, str(folder))
        address = "" if ":" in pod_ips else "127.0.0.1"
        for pod_port, port in (
            (ports.FRONTEND_HTTP, self.port),
            (ports.FRONTEND_HTTPS, self.tls_port),
            (ports.FRONTEND_HEALTH, self.health_port),
        ):
            text = re.sub(rf"(?m)^(\s*bind ):{pod_port}\b", rf"\g<1>{address}:{port}", text)
            text = re.sub(rf"(?m)^(\s*bind )(:::){pod_port}\b", rf"\g<1>\g<2>{port}", text)
        for name, content in (files or {}).items():
            (folder / name).write_text(content)
        self.file = folder / "haproxy.cfg"
        self.file.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when the runtime socket and the clients' port answer.

        Raises:
            HAProxyDiedError: it ended, or did not answer in time.
        """
        arguments = command(rootfs("haproxy"), "/usr/sbin/haproxy", "-db", "-f", str(self.file))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                stdout=log,
                stderr=log,
                env={sidecar.ENV_POD_IPS: self._pod_ips, sidecar.ENV_TLS: "true"},
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise HAProxyDiedError(self.log.read_text(errors="replace"))
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        """The process identifier; it must have been started."""
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        try:
            self.ask("show info")
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def ask(self, text: str) -> str:
        """Return HAProxy's answer to one command of its runtime API."""
        return ask(self.socket, text)

    def info(self) -> dict[str, str]:
        """Return `show info` as a mapping."""
        pairs = (line.partition(": ") for line in self.ask("show info").splitlines() if line)
        return {key: value for key, _, value in pairs}

    def counters(self, server: str) -> dict[str, str]:
        """Return the row of `show stat` of one server of the nodes' backend, or of the whole (`BACKEND`)."""
        rows = csv.DictReader(self.ask("show stat nodes 6 -1").removeprefix("# ").splitlines())
        return next(row for row in rows if row["svname"] == server)

    def frontend_sessions(self) -> int:
        """Return how many connections of clients there are."""
        (row,) = csv.DictReader(self.ask("show stat public 1 -1").removeprefix("# ").splitlines())
        return int(row["scur"])

    def kill(self) -> None:
        """Kill HAProxy, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End HAProxy, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_STOP_SECONDS)


@contextlib.contextmanager
def started(
    configuration: str, files: Mapping[str, str] | None = None, pod_ips: str = "127.0.0.1"
) -> Iterator[HAProxyProcess]:
    """Run one in a folder of its own until the block ends; the arguments are those of `HAProxyProcess`.

    Raises:
        HAProxyDiedError: it ended, or did not answer in time.
    """
    with TemporaryDirectory(prefix="lab-") as folder:
        process = HAProxyProcess(configuration, Path(folder), files, pod_ips)
        process.start()
        try:
            yield process
        finally:
            process.stop()
