"""Waits for conditions with a deadline."""

from collections.abc import Callable

from pba_hack.cluster.errors import ClusterError
from pba_hack.waiting import WaitedInVainError, wait_for

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
    reason = ""

    def look() -> bool:
        nonlocal reason
        try:
            reason = ""
            return is_so()
        except (OSError, RuntimeError) as error:
            reason = str(error)
            return False

    try:
        wait_for(what, look, seconds, poll_seconds=_POLL_SECONDS)
    except WaitedInVainError:
        text = f"after {seconds:.0f} s still not: {what}. {reason} {why_not()}".rstrip()
        raise ClusterError(text) from None
