"""`crash-points`: writes at which the operator was ended, and after which all became as undisturbed, of all there are.

The tests of the apiserver tier do it, and count the writes in the API server's audit log; what they count is read from
the JUnit file that pytest writes of them. A point counts as visited if everything was right in the end.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.samples import Share
from pba_hack.checkout import CHECKOUT

TESTS: Final = "tests/apiserver/crash_points"
_SHORT: Final = ("-k", "down")
"""One scenario."""
_FAILED: Final = 1
"""pytest's exit status when tests have failed."""


class NothingShownError(RuntimeError):
    """The tests did not get so far as to count."""


def count(junit: Path) -> Mapping[str, tuple[int, int]]:
    """Return visited and existing points of each scenario.

    Args:
        junit: pytest's file; our own, so nothing in it is hostile.

    Raises:
        NothingShownError: a test has not counted.
    """
    found = {}
    for case in ET.parse(junit).iter("testcase"):  # noqa: S314
        figures = {one.get("name"): int(one.get("value", "0")) for one in case.iter("property")}
        if not {"visited", "existing"} <= set(figures):
            raise NothingShownError(f"{case.get('name')} has not counted its writes; see {junit}")
        found[case.get("name", "")] = (figures["visited"], figures["existing"])
    if not found:
        raise NothingShownError(f"no test was run; see {junit}")
    return found


def together(scenarios: Mapping[str, tuple[int, int]], *, failed: bool) -> Measured:
    """Return all scenarios together.

    Raises:
        NothingShownError: every point was visited, and yet a test has failed.
    """
    visited, existing = (sum(column) for column in zip(*scenarios.values(), strict=True))
    if failed and visited == existing:
        raise NothingShownError("every point was visited, and yet a test has failed: at what else?")
    notes = tuple(f"{name}: {part} of {whole}" for name, (part, whole) in scenarios.items())
    return Measured(Share(visited, existing), notes)


def _measure(trial: Trial) -> Measured:
    junit, log = trial.folder / "junit.xml", trial.folder / "pytest.log"
    options = _SHORT if trial.short else ()
    command = [
        sys.executable,
        "-m",
        "pytest",
        TESTS,
        f"--junitxml={junit}",
        "-p",
        "no:cacheprovider",
        *options,
    ]
    with log.open("wb") as output:
        done = subprocess.run(command, cwd=CHECKOUT, stdout=output, stderr=output, check=False)
    if done.returncode not in (0, _FAILED):
        raise NothingShownError(f"pytest ended with {done.returncode}; see {log}")
    return together(count(junit), failed=done.returncode == _FAILED)


CASE: Final = Case(
    id="crash-points",
    unit="share",
    reach="== 1",
    measures="writes after which the operator was ended and begun again, with the same end / writes that there are",
    measure=_measure,
)
