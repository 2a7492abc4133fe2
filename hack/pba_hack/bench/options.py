"""What `hack/bench` is asked for: `--help` and wrong usage are answered before anything is installed."""

from __future__ import annotations

import argparse
from typing import Final

from pba_hack.bench import registry

_EPILOG: Final = """\
Without --case and --all nothing is measured: what the record says of each case is told (the newest entry; a case that
was never measured is missed). Each entry says at which commit, on which machine and when it was measured.

The record is docs/measurements/bench-NAME.json, the page for people beside it is made from it. A commit that ends in
-dirty had changes beside it. The exit status is 1 if a case that is told was missed, 2 for wrong usage.
"""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(
        prog="hack/bench",
        description="Measure what is promised, beside its floor and its peers; tell what was reached.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("bench", metavar="NAME", choices=registry.NAMES, help=", ".join(registry.NAMES))
    which = made.add_mutually_exclusive_group()
    which.add_argument("--case", metavar="ID", help="measure this case now, and add it to the record")
    which.add_argument(
        "--all", action="store_true", help="measure all cases that the record does not have at this commit"
    )
    which.add_argument("--list", action="store_true", help="say which cases there are")
    made.add_argument("--json", action="store_true", help="the last line is one JSON object, for programs")
    made.add_argument("--seed", type=int, default=1, help="of what is by chance (default: 1)")
    made.add_argument(
        "--short", action="store_true", help="only show that the case runs; nothing is reached or recorded"
    )
    return made
