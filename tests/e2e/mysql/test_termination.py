"""A pod that is told to end while it starts ends: SIGTERM is never lost, whatever runs just then.

The first process of a process namespace ignores a signal that it has no handler for. mysqld sets its handler late,
and the script before it has none: so neither may be the first.
"""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from pba_operator.domain.database import layout

GRACE_SECONDS = 60
"""mysqld has minutes to end in order; one that has heard nothing would take them all."""


def _ended(pod: Any, after: float) -> int:
    """Start the pod, send SIGTERM `after` seconds, and return its exit status."""
    pod.start()
    threading.Event().wait(after)
    try:
        pod.signal(15)
    except ProcessLookupError:
        raise AssertionError(f"it ended by itself before {after} s: {pod.log}") from None
    return int(pod.wait(GRACE_SECONDS))


@pytest.mark.parametrize("moment", range(12))
def test_a_start_that_is_told_to_end_ends_and_the_next_one_serves(pod: Any, moment: int) -> None:
    chosen = random.Random(moment)  # noqa: S311 - repeatable moments
    _ended(pod, chosen.uniform(0.0, 0.2 if moment < 8 else 2.0))
    pod.run()
    assert pod.sql("SELECT 1") == [(1,)]
    assert pod.stop() == 0


@pytest.mark.parametrize("moment", range(4))
def test_a_first_start_that_is_told_to_end_is_made_anew(new_pod: Any, moment: int) -> None:
    _ended(new_pod, random.Random(moment).uniform(0.0, 1.5))  # noqa: S311 - repeatable moments
    new_pod.run()
    assert (new_pod.mount(layout.VOLUME_DIR) / "data").is_dir()
    assert new_pod.stop() == 0
