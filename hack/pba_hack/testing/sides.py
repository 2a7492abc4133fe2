"""How tests that run side by side are shared out (`tests/conftest.py` tells pytest).

The tests of one file stay together, in one process and in their order: they share what their file sets up. Files begin
in the order in which pytest has collected them.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

TOGETHER: Final = ("tests/apiserver/bad_input/",)
"""Folders whose files stay together as well: what they share takes minutes to make."""


def scope(test: str) -> str:
    """Return what a test stays together with: a file, or a folder.

    Args:
        test: pytest's name of it, `FILE::TEST`.
    """
    file = test.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder)), file)


class Sides(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process that has nothing to do the next file."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
