"""Waits for conditions with a deadline."""

import time
from collections.abc import Callable

from pba_hack.cluster.errors import ClusterError

__all__ = ["until"]

_POLL_SECONDS = 0.1


def until(is_so: Callable[[], bool], seconds: float, what: str, why_not: Callable[[], str] = str) -> None:
    """Wait until a condition holds; a network error or a refusal counts as "not yet".

    Args:
        is_so: The condition.
        seconds: How long at most.
        what: Names the condition in the error.
        why_not: What is known about it when it does not come true.

    Raises:
        ClusterError: It did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        reason = ""
        try:
            if is_so():
                return
        except (OSError, RuntimeError) as error:
            reason = str(error)
        if time.monotonic() > deadline:
            raise ClusterError(f"after {seconds:.0f} s still not: {what}. {reason} {why_not()}".rstrip())
        time.sleep(_POLL_SECONDS)
