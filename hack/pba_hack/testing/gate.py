"""The coverage gate: enough of the branches of `domain` and of `engine` were taken, branches counted alone.

coverage.py's own total counts lines and branches together, so many straight lines would hide branches that no test
takes. What was not measured fails: a gate that lacks its figures shows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AT_LEAST = 95
"""Percent of the branches of each package, by the tiers that cover."""
PACKAGES = ("pba_operator/domain", "pba_operator/engine")
"""As they stand in the paths of their modules."""


@dataclass(frozen=True)
class Branches:
    """How many branches a package has, and how many of them were taken."""

    package: str
    covered: int
    number: int

    @property
    def enough(self) -> bool:
        """Tell whether the package passes; one without branches has not been measured."""
        return self.number > 0 and 100 * self.covered >= AT_LEAST * self.number

    def __str__(self) -> str:
        """Return a line for people."""
        name = self.package.replace("/", ".")
        if not self.number:
            return f"{name}: no branch was measured"
        percent = 100 * self.covered / self.number
        return f"{name}: {self.covered} of {self.number} branches, {percent:.2f} %"


def branches(report: Mapping[str, Any]) -> tuple[Branches, ...]:
    """Return the figures of each package that the gate is about.

    Args:
        report: what `coverage json` writes.

    Raises:
        KeyError: branches were not measured: `branch` is off in coverage.py's settings.
    """
    return tuple(_of(package, report) for package in PACKAGES)


def _of(package: str, report: Mapping[str, Any]) -> Branches:
    inside = [module["summary"] for path, module in report["files"].items() if f"/{package}/" in f"/{path}"]
    return Branches(
        package,
        sum(summary["covered_branches"] for summary in inside),
        sum(summary["num_branches"] for summary in inside),
    )
