"""What the cluster looked like when a test failed, kept before the test's fixtures take its objects away.

A conftest takes `pytest_runtest_makereport` by importing it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest

from pba_hack import evidence
from pba_hack.testing.run import EVIDENCE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the evidence of a test that has failed, and say where."""
    report = yield
    if report.failed and report.when != "teardown":
        kept = folder(item)
        report.sections.append(("the cluster when it failed", f"{kept}\n{evidence.keep(kept)}"))
    return report


def folder(item: pytest.Item) -> Path:
    """Return where the evidence of a test is kept."""
    place = Path(os.environ.get(EVIDENCE) or item.config.rootpath / "test-results" / "evidence")
    return place / re.sub(r"[^\w.-]+", "-", item.nodeid)
