"""What a process uses, as Linux counts it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_CPUCLOCK_SCHED: Final = 2
"""The kind of clock in the number that clock_getcpuclockid(3) makes of a process (Linux' posix-timers_types.h)."""


def resident_mib(pid: int) -> float:
    """Return the memory of a process that is in RAM, in MiB (VmRSS)."""
    return _mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """Return the most that `resident_mib` has been since the process began (VmHWM)."""
    return _mib(pid, "VmHWM")


def memory_note(pid: int) -> str:
    """Return both, in words."""
    return f"{resident_mib(pid):.1f} MiB resident (VmRSS), at most {peak_mib(pid):.1f} MiB so far (VmHWM)"


def _mib(pid: int, field: str) -> float:
    """Return a field of `/proc/PID/status` (proc_pid_status(5)), which is in KiB there."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process so far, its own and the kernel's for it, in seconds.

    To the nanosecond, with threads that have ended: `/proc/PID/stat` rounds down to ticks of 10 ms.

    Raises:
        OSError: there is no such process.
    """
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def family(pid: int) -> list[int]:
    """Return a process and all that it has started, directly or not (`/proc/PID/task/TID/children`)."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


@contextlib.contextmanager
def idle_share() -> Iterator[Callable[[], float]]:
    """Give, after the block, the share of the machine's processor time that was idle within it, from 0 to 1."""
    idle_before, all_before = _machine()
    share = 0.0
    yield lambda: share
    idle, everything = _machine()
    share = (idle - idle_before) / max(1, everything - all_before)


def _machine() -> tuple[int, int]:
    """Return the ticks in which processors were idle, and all (proc_stat(5))."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
