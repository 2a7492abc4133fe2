"""A proxy that is not ours, as a process: started with a file, ready when it answers, ended with what it started."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pba_hack.images import layers, recipes
from pba_hack.images.debian import DebianRoot
from pba_hack.images.rootfs import unpacked
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for
from pba_lab import pages

_NGINX: Final = DebianRoot(
    suite=recipes.HAPROXY.root.suite, packages=("nginx",), commands=(), drop=recipes.UNREAD
)
_OK: Final = 200
_END_SECONDS: Final = 10.0


class ProxyDiedError(RuntimeError):
    """A proxy did not start; the message holds its log."""


class Proxy(NamedTuple):
    """A proxy that runs: its port of 127.0.0.1, and its first process."""

    port: int
    pid: int


def healthy(port: int) -> bool:
    """Tell whether the health path of a node is served through a port."""
    return pages.get(port, "/healthz")[0] == _OK


def nginx_root() -> Path:
    """Return the folder with Debian's package of nginx, made now if it is not there."""
    return unpacked(layers.debian_layer("nginx", _NGINX))


@contextlib.contextmanager
def running(
    configuration: Callable[[int, Path], str],
    command: Callable[[Path], Sequence[str]],
    *,
    name: str,
    environment: Mapping[str, str] | None = None,
    serves: Callable[[int], bool] = healthy,
) -> Iterator[Proxy]:
    """Run a program until the block ends.

    Args:
        configuration: returns its text for a port of 127.0.0.1 and a folder of its own.
        command: returns the program and its options for the configuration's file.
        name: of that file.
        environment: variables beside ours.
        serves: tells whether it serves at its port, as far as is to be waited for; OSError: not yet.

    Raises:
        ProxyDiedError: it ended before it answered.
    """
    with tempfile.TemporaryDirectory(prefix="proxy-") as made:
        folder, port = Path(made), free_port()
        file, log = folder / name, folder / "log"
        file.write_text(configuration(port, folder))
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(file),
                stdout=output,
                stderr=output,
                env={**os.environ, "HOME": str(folder), **(environment or {})},
            )
        try:
            wait_for(
                f"{name} to be served",
                lambda: _answers(process, log, lambda: serves(port)),
                poll_seconds=0.05,
            )
            yield Proxy(port, process.pid)
        finally:
            _end(process)


def _answers(process: subprocess.Popen[bytes], log: Path, serves: Callable[[], bool]) -> bool:
    if process.poll() is not None:
        raise ProxyDiedError(log.read_text(errors="replace"))
    with contextlib.suppress(OSError):
        return serves()
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
