"""`hack/mutants [MODULE...]`: the command line."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from pba_hack import cache
from pba_hack.checkout import CHECKOUT, HACK
from pba_hack.mutants import record
from pba_hack.mutants.mutate import INDEX
from pba_hack.mutants.verdicts import Verdicts
from pba_hack.venv import ensure_venv

FOLDER = CHECKOUT / "mutants-results"
"""Beside test-results, which `hack/test` empties: what is known of the mutants took hours."""
PACKAGE = "pba_operator.domain."
TESTS = ("domain", "database", "frontend", "pods")
"""Folders of `tests/unit` whose tests ask the planner."""
_SLOW = "tests/unit/domain/gitops"
"""Argo CD's and kstatus' own programs, started for each case: too slow to be asked for each mutant."""

_EPILOG = """\
A run goes on where the last one ended, and takes the mutants by chance: what it gets done is a fair sample. A mutant is
asked again when its function changed, when the test that killed it is gone, or when it survived other tests. All of it
takes hours on a machine that does other work: it has the lowest priority and uses one process. What is known is kept
in mutants-results/.
"""


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit status: 0 if enough mutants were killed, 3 if some were not asked."""
    options = _parser().parse_args(argv)
    if options.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.nice(19)
    tests = _tests_hash()
    if not options.report:
        python = ensure_venv(("operator", "sync"), "mutation") / "bin" / "python"
        _mutate(python)
        _test(python, options.modules, 60 * options.minutes, tests)
    index = json.loads((FOLDER / INDEX).read_text())
    verdicts = Verdicts(FOLDER / "verdicts.jsonl").valid(index, tests)
    table = record.figures(index, verdicts)
    judged = record.judgements(options.record) if options.record else {}
    left = record.survivors(index, verdicts, judged)
    for survivor in left:
        print(f"{survivor.outcome}: {survivor.function}\n    " + survivor.change.replace("\n", "\n    "))
    print("\n".join(record.lines(table)))
    fair = record.sample(index, verdicts)
    print(f"a fair sample: {fair.killed}/{fair.asked}; {record.verdict(table)} (>= {record.REACH})")
    if options.record:
        command = shlex.join(["./hack/mutants", *argv])
        record.write(options.record, command=command, checkout=CHECKOUT, table=table, fair=fair, left=left)
    return {"reached": 0, "missed": 1, "not complete": 3}[record.verdict(table)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hack/mutants",
        description="Change the planner in small ways, one after another, and see whether a test notices.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "modules",
        nargs="*",
        metavar="MODULE",
        help="of domain, such as plan or 'database*' (default: all)",
    )
    parser.add_argument(
        "--minutes", type=float, default=24 * 60, help="stop after so long; the next run goes on"
    )
    parser.add_argument("--record", type=Path, metavar="PATH", help="write the record (JSON) there")
    parser.add_argument("--report", action="store_true", help="run nothing: say what is known")
    parser.add_argument("--fresh", action="store_true", help="forget what is known")
    return parser


def _tests_hash() -> str:
    folders = (*(CHECKOUT / "tests" / "unit" / name for name in TESTS), CHECKOUT / "tests" / "simulation")
    return cache.content_key(files=cache.files_under(*folders), base=CHECKOUT)


def _mutate(python: Path) -> None:
    """Write the mutants, unless those that are there are of the same sources and the same tools."""
    mark = FOLDER / "mutated"
    tool = Path(__file__).with_name("mutate.py")
    key = cache.content_key(str(python), files=cache.files_under(CHECKOUT / "operator", tool), base=CHECKOUT)
    if mark.exists() and mark.read_text() == key:
        return
    mark.unlink(missing_ok=True)
    command = [str(python), "-m", "pba_hack.mutants.mutate", str(CHECKOUT / "operator"), str(FOLDER)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(HACK)}, check=True)
    mark.write_text(key)


def _chosen(asked: Sequence[str], modules: Collection[str]) -> list[str]:
    """Return the modules that are asked for.

    Raises:
        SystemExit: there is no such module.
    """
    chosen: dict[str, None] = {}
    for pattern in asked or ["*"]:
        found = sorted(fnmatch.filter(modules, PACKAGE + pattern))
        if not found:
            raise SystemExit(f"hack/mutants: no module with mutants is called {PACKAGE}{pattern}")
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _test(python: Path, asked: Sequence[str], seconds: float, tests: str) -> None:
    index = json.loads((FOLDER / INDEX).read_text())
    modules = _chosen(asked, {about["module"] for about in index.values()})
    orders = {"folder": str(FOLDER), "modules": modules, "seconds": seconds, "tests": tests}
    environment = {
        **os.environ,
        "PYTHONPATH": f"{FOLDER / 'src'}:{HACK}",
        "PBA_MUTANTS": json.dumps(orders),
    }
    plugin = ["-p", "pba_hack.mutants.session", "-p", "no:cacheprovider"]
    folders = [*(f"tests/unit/{name}" for name in TESTS), f"--ignore={_SLOW}"]
    command = [str(python), "-m", "pytest", "-q", *plugin, *folders]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # a group of its own, so that the fork of the moment ends with it
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=sys.stderr, start_new_session=True
    )
    try:
        status = process.wait()
    except BaseException:  # what is judged is kept
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if status > 0:
        raise SystemExit(
            f"hack/mutants: nothing can be judged: pytest ended with {status}; its words are above"
        )
