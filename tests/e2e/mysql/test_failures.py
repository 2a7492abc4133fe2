"""A real mysqld in trouble, and what the operator's code makes of it."""

from __future__ import annotations

from pba_standin.contract.failures import FailuresContract


class TestFailures(FailuresContract):
    """Of mysqld: `tests/unit/standin/test_contract.py` asks the stand-in the same."""
