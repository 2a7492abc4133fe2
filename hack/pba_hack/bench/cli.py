"""`hack/bench NAME [--case ID | --all] [--json]`: the command line."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pba_hack import cache, provenance
from pba_hack.bench import record, registry
from pba_hack.bench.case import Case, Origin, Trial
from pba_hack.bench.chart import chart
from pba_hack.bench.options import parser
from pba_hack.bench.page import over_time_file, page
from pba_hack.bench.picture import picture
from pba_hack.bench.record import Entry
from pba_hack.bench.timeline import timeline
from pba_hack.bench.verdict import FAILURES
from pba_hack.checkout import CHECKOUT
from pba_hack.progress import Progress

LOGS = Path("bench-results")
"""Beside test-results, which `hack/test` empties: both may run at the same time."""

CasesOf = Callable[[str], Sequence[Case]]
"""Returns the cases of a bench."""


@dataclass(frozen=True)
class Bench:
    """One bench in one checkout."""

    name: str
    cases: Sequence[Case]
    checkout: Path
    command: str
    progress: Progress

    @property
    def file(self) -> Path:
        """Its record."""
        return record.path(self.checkout, self.name)

    def commit(self) -> str:
        """Return what is checked out, the records apart: a run writes them."""
        return provenance.commit(self.checkout, apart=(str(record.FOLDER),))

    def measure(self, case: Case, *, seed: int, short: bool) -> Entry:
        """Measure one case, and add it to the record unless it was the short form."""
        folder = self.checkout / LOGS / self.name / case.id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        commit, date = self.commit(), datetime.now(UTC).isoformat(timespec="seconds")
        here = Origin(commit, provenance.machine(), date, self.command)
        run: dict[str, Any] = {"seed": seed, "operator": provenance.tree(self.checkout, "operator")}
        began, load = time.monotonic(), os.getloadavg()[0]
        with self.progress.step(case.id, announce=True):
            measured = case.measure(Trial(folder, self.progress, seed, short))
        run |= {"seconds": round(time.monotonic() - began, 1), "load": [load, os.getloadavg()[0]]}
        new = record.entry(case, measured, here, short=short, run=None if measured.origin else run)
        if not short:
            with cache.lock(f"bench-{self.name}"):  # a long case may run beside others
                self.write_page(record.append(self.file, self.name, new))
        return new

    def write_page(self, entries: Sequence[Entry]) -> None:
        """Write the page for people, and its pictures."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.with_suffix(".md").write_text(page(self.name, self.cases, entries))
        told = record.told(self.cases, entries)
        self.file.with_suffix(".svg").write_text(picture(self.name, self.cases, told))
        over_time = timeline(self.name, self.cases, told)
        if over_time:
            (self.file.parent / over_time_file(self.name)).write_text(over_time)

    def unmeasured(self) -> list[Case]:
        """Return the cases that the record does not have at this commit."""
        entries, commit = record.read(self.file), self.commit()
        done = {(one["id"], record.edition(one)) for one in entries if one["commit"] == commit}
        return [case for case in self.cases if (case.id, case.edition) not in done]


def main(argv: Sequence[str], *, cases_of: CasesOf = registry.cases, checkout: Path = CHECKOUT) -> int:
    """Run the command; return its exit status."""
    options = parser().parse_args(argv)
    command = shlex.join(["./hack/bench", *argv])
    bench = Bench(options.bench, cases_of(options.bench), checkout, command, Progress())
    if options.list:
        print(
            "\n".join(f"{case.id:<16} {case.reach:<8} {case.unit:<8} {case.measures}" for case in bench.cases)
        )
        return 0
    chosen = [case for case in bench.cases if case.id == options.case]
    if options.case and not chosen:
        known = ", ".join(case.id for case in bench.cases)
        print(f"hack/bench: {bench.name} has no case {options.case!r}, only: {known}", file=sys.stderr)
        return 2
    if options.short and not chosen:
        print("hack/bench: --short is for one case: name it with --case", file=sys.stderr)
        return 2
    entries = _entries(bench, options, chosen)
    cases = chosen or bench.cases
    print(chart(cases, entries))
    if options.json:
        print(record.line(bench.name, entries, bench.commit(), provenance.machine()))
    return 1 if any(one["verdict"] in FAILURES for one in entries) else 0


def _entries(bench: Bench, options: argparse.Namespace, chosen: Sequence[Case]) -> Sequence[Entry]:
    """Measure what is asked for; return the entries that are to be told."""
    if chosen:
        return [bench.measure(case, seed=options.seed, short=options.short) for case in chosen]
    if options.all:
        for case in bench.unmeasured():
            bench.measure(case, seed=options.seed, short=False)
    entries = record.read(bench.file)
    bench.write_page(entries)
    return record.told(bench.cases, entries)


def program() -> None:
    """Run the command as a program: told to end, it ends what it has started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    program()
