"""A program that is told to end while it still loads its libraries ends.

It is process 1 of its container, which the kernel spares signals without a handler: the kubelet would wait for the
whole grace period.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pba_hack.waiting import wait_for

PROGRAMS = {"pba_operator": "kubernetes", "pba_sync": "pykube"}
"""Each program, and the first library that it loads."""
SLOW = "import pathlib, threading; pathlib.Path({mark!r}).touch(); threading.Event().wait()"
END_SECONDS = 20.0
"""Far less than a grace period, which is 30 s."""


@pytest.fixture(params=PROGRAMS)
def loading(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program as process 1 of a PID namespace of its own, which never gets beyond loading its first library."""
    mark = tmp_path / "mark"
    (tmp_path / f"{PROGRAMS[request.param]}.py").write_text(SLOW.format(mark=str(mark)))
    # Who is not root makes a user namespace first: the unit tier needs no rights.
    rights = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    alone = ("unshare", *rights, "--pid", "--fork", "--mount-proc", "--kill-child")
    python_path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [*alone, sys.executable, "-m", request.param], env={**os.environ, "PYTHONPATH": python_path}
    )
    try:
        wait_for("the library to be loaded", mark.exists, 60)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_program_that_is_still_loading_ends_when_it_is_told_to(loading: subprocess.Popen[bytes]) -> None:
    children = Path(f"/proc/{loading.pid}/task/{loading.pid}/children")
    os.kill(int(children.read_text()), signal.SIGTERM)
    assert loading.wait(END_SECONDS) == 0
