"""`hack/test [TIER] [pytest options]`: the command line."""

from __future__ import annotations

import os
import sys
import time

from pba_hack.checkout import CHECKOUT
from pba_hack.testing.run import Runner
from pba_hack.testing.tiers import BY_NAME, TIERS

USAGE = """usage: hack/test [TIER] [pytest options]

Installs what the tests need, builds the wheel, installs it, and runs the tests against it.
Without a tier: the static checks, then all tiers but bench, then the coverage gate.

tiers:
{tiers}
  static     format, lint, types, layers, generated files, shell and Go

Results (JUnit), and on failure the logs of the operator and the nodes and what the cluster held, are in test-results/.
"""


def usage() -> str:
    """Return the help text."""
    return USAGE.format(tiers="\n".join(f"  {tier.name:<10} {tier.summary}" for tier in TIERS))


def main(argv: list[str]) -> int:
    """Run what `argv` asks for; return the exit status."""
    if argv and argv[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return 0
    started = time.monotonic()
    os.chdir(CHECKOUT)
    runner = Runner(CHECKOUT)
    if not argv:
        passed = runner.everything()
    elif argv[0] == "static":
        passed = runner.static()
    elif argv[0] in BY_NAME:
        tier = BY_NAME[argv[0]]
        passed = runner.tier(tier, [*tier.when_named, *argv[1:]])
    else:
        sys.stderr.write(f"hack/test: no tier is called {argv[0]!r}\n\n{usage()}")
        return 2
    verdict = "passed" if passed else "FAILED"
    sys.stdout.write(f"\nhack/test: {verdict} after {time.monotonic() - started:.0f} s\n")
    return 0 if passed else 1
