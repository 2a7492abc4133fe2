"""Work that is done beside something else, and whose failure is not lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def beside(work: Callable[[], object], *, end: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Do work in a thread of its own while the block runs, and wait for it.

    Args:
        work: what to do.
        end: called when the block is over: has work end that goes on by itself.

    Raises:
        Exception: what the work has raised, once the block is over.
    """
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        try:
            yield
        finally:
            end()
    doing.result()
