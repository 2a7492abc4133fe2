"""Running the tiers: the environment once, then each tier's pytest, then the gate.

What must stay true: the packages under test are those of the built wheel; a failure keeps the evidence, and no
result of an earlier run is left beside it; a tier without tests says so and never counts as passed tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from pba_hack.binaries import binary
from pba_hack.checkout import HACK, in_cluster
from pba_hack.cluster import choice
from pba_hack.provision import provision
from pba_hack.testing import gate
from pba_hack.testing.static import checks
from pba_hack.testing.tiers import TIERS, Tier
from pba_hack.venv import ensure_venv, venv_with_wheel

EVIDENCE = "PBA_EVIDENCE"
"""The environment variable that names where tests on nodes that fail keep what the cluster held."""
NOTHING_CHOSEN = 5
"""pytest's exit status if its options leave no test."""


def say(text: str) -> None:
    """Print a heading."""
    sys.stdout.write(f"\n=== {text}\n")
    sys.stdout.flush()


def has_passed(statuses: list[int]) -> bool:
    """Tell whether a tier has passed: nothing failed, and in one of its parts at least some tests were chosen.

    Args:
        statuses: pytest's, of each part that was run.
    """
    return 0 in statuses and all(status in (0, NOTHING_CHOSEN) for status in statuses)


class Runner:
    """Runs tiers of tests from one checkout."""

    def __init__(self, root: Path) -> None:
        """Make the environment, with the wheel of this checkout in it, and the folder for results."""
        self.root = root
        self.results = root / "test-results"
        self.results.mkdir(exist_ok=True)
        needs = ensure_venv(("operator", "sync"), "test")
        programs = venv_with_wheel(needs) / "bin"
        self.python = programs / "python"
        self.environment = {
            **os.environ,
            "PATH": f"{programs}:{needs / 'bin'}:{os.environ['PATH']}",
            "COVERAGE_FILE": str(self.results / "coverage"),
            # Tests on nodes ask for what kind has not: faults, the audit log, addresses of Services.
            choice.VARIABLE: os.environ.get(choice.VARIABLE) or "local",
        }

    def _status(self, command: list[str]) -> int:
        return subprocess.run(command, cwd=self.root, env=self.environment, check=False).returncode

    def _call(self, command: list[str]) -> bool:
        return self._status(command) == 0

    def static(self) -> bool:
        """Run the checks that are no tests; all of them, so that one run shows everything."""
        failed = []
        for title, command in checks(self.python, self.root):
            say(title)
            if not self._call(command):
                failed.append(title)
        if failed:
            say(f"static: FAILED: {', '.join(failed)}")
        return not failed

    def _pytest(self, name: str, folders: list[str], options: list[str], *, covers: bool) -> list[str]:
        # The gate comes once, after all tiers that cover.
        coverage = ["--cov", "--cov-append", "--cov-report="] if covers else []
        junit = f"--junitxml={self.results / f'{name}.xml'}"
        return [str(self.python), "-m", "pytest", *folders, junit, *coverage, *options]

    def _folders(self, names: tuple[str, ...]) -> list[str]:
        """Return those folders that hold tests."""
        found = [self.root / "tests" / name for name in names]
        return [str(folder) for folder in found if any(folder.rglob("test_*.py"))]

    def tier(self, tier: Tier, options: list[str], *, measured: bool = False) -> bool:
        """Run one tier; return whether it passed.

        Args:
            tier: which.
            options: for pytest.
            measured: let the coverage of a tier that covers count for the gate.
        """
        started = time.monotonic()
        for name in (tier.name, f"{tier.name}-alone", f"{tier.name}-cluster"):
            (self.results / f"{name}.xml").unlink(missing_ok=True)
        evidence, logs = self._kept(tier)
        for folder in (evidence, logs):
            shutil.rmtree(folder, ignore_errors=True)
        here, inside = self._folders(tier.side_by_side + tier.alone), self._folders(tier.in_cluster)
        if not here and not inside:
            say(f"{tier.name}: no tests yet, so nothing was shown")
            return False
        statuses = []
        if here:
            say(f"{tier.name}: {tier.summary}")
            statuses += self._on_this_machine(tier, options, covers=measured and tier.covers)
        if inside:
            say(f"{tier.name}: on nodes")
            statuses.append(self._in_cluster(tier, inside, options))
        passed = has_passed(statuses)
        say(f"{tier.name}: {'passed' if passed else 'FAILED'} after {time.monotonic() - started:.0f} s")
        return passed

    def _kept(self, tier: Tier) -> tuple[Path, Path]:
        """Return where a tier that fails on nodes keeps what the cluster held, and its logs."""
        return self.results / f"{tier.name}-evidence", self.results / f"{tier.name}-cluster-logs"

    def _on_this_machine(self, tier: Tier, options: list[str], *, covers: bool) -> list[int]:
        try:
            for program in tier.programs:
                binary(program)
        except subprocess.CalledProcessError:
            return [1]  # the build has said why
        shared, alone = self._folders(tier.side_by_side), self._folders(tier.alone)
        elsewhere = [
            f"--ignore={folder}" for folder in shared if any(map(Path(folder).is_relative_to, alone))
        ]
        parts = (
            (tier.name, shared, [*tier.sharing(), *options]),
            (f"{tier.name}-alone", alone, [*elsewhere, *options]),
        )
        return [
            self._status(self._pytest(name, folders, chosen, covers=covers))
            for name, folders, chosen in parts
            if folders
        ]

    def _in_cluster(self, tier: Tier, folders: list[str], options: list[str]) -> int:
        try:
            self.environment["PBA_IMAGES"] = json.dumps(provision(["helm", "gitops"], self.environment))
        except subprocess.CalledProcessError:
            return 1  # the step has said why
        evidence, logs = self._kept(tier)
        self.environment[EVIDENCE] = str(evidence)
        command = self._pytest(f"{tier.name}-cluster", folders, options, covers=False)
        status = self._status(in_cluster(*command))
        if status not in (0, NOTHING_CHOSEN):
            self._call([str(HACK / "cluster"), "logs", str(logs)])
        return status

    def _gate(self) -> bool:
        say(f"branch coverage of domain and of engine (at least {gate.AT_LEAST} % each)")
        measured = self.results / "branches.json"
        reports = (["report"], ["json", "-q", "-o", str(measured)])
        if not all(self._call([str(self.python), "-m", "coverage", *report]) for report in reports):
            return False  # coverage.py has said why
        found = gate.branches(json.loads(measured.read_text()))
        for package in found:
            sys.stdout.write(f"{package}\n")
        return all(package.enough for package in found)

    def everything(self) -> bool:
        """Run the static checks, all tiers of a full run and the coverage gate; go on after a failure."""
        shutil.rmtree(self.results)
        self.results.mkdir()
        passed = {"static": self.static()}
        for tier in (tier for tier in TIERS if not tier.apart):
            if not self._folders(tier.side_by_side + tier.alone + tier.in_cluster):
                say(f"{tier.name}: skipped, there are no tests yet")
            else:
                passed[tier.name] = self.tier(tier, [], measured=True)
        passed["coverage"] = self._gate()
        say("  ".join(f"{name}: {'passed' if good else 'FAILED'}" for name, good in passed.items()))
        return all(passed.values())
