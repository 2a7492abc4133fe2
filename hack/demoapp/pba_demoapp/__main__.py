"""The command `pba-demoapp`: serve, or do what must happen once each period."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from pba_demoapp import billing
from pba_demoapp.database import open_database
from pba_demoapp.errors import DemoappError
from pba_demoapp.settings import Settings, from_environment
from pba_demoapp.web.app import utc_now

KEEP_ALIVE_SECONDS = 75
"""Longer than any balancer keeps an unused connection, so that it is the balancer who closes it, not we."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; serving replaces this process by the web server."""
    options = _parser().parse_args(arguments)
    settings = from_environment(os.environ)
    return _bill(settings, options.period) if options.action == "billing-run" else _serve(settings)


def _serve(settings: Settings) -> NoReturn:
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *server_options(settings)])  # noqa: S606


def server_options(settings: Settings) -> list[str]:
    """Return gunicorn's command line.

    One process: its threads wait for MySQL most of the time, and a second one would cost as much memory again.
    Nothing is written but to /dev/shm: the root file system may be read-only.
    """
    return [
        f"--bind=0.0.0.0:{settings.port}",
        "--workers=1",
        "--worker-class=gthread",
        f"--threads={settings.threads}",
        f"--keep-alive={KEEP_ALIVE_SECONDS}",
        f"--graceful-timeout={settings.graceful_seconds}",
        "--worker-tmp-dir=/dev/shm",
        "--no-control-socket",
        "--log-level=warning",
        "pba_demoapp.web.server:create()",
    ]


def _bill(settings: Settings, period: str | None) -> int:
    if not settings.billing_enabled:
        print(
            "The billing run is off: set BILLING_ENABLED=true where it is seen to that it runs once.",
            file=sys.stderr,
        )
        return 2
    at = utc_now()
    wanted = period or f"{at:%Y-%m}"
    try:
        count = open_database(settings).run(
            lambda connection: billing.run(connection, wanted, settings.node, at)
        )
    except DemoappError as error:
        print(f"The billing run for {wanted} failed: {error}", file=sys.stderr)
        return 1
    print(f"Billed {count} orders for {wanted}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pba-demoapp", description="A hosting store with MySQL behind it.")
    actions = parser.add_subparsers(dest="action")
    actions.add_parser("serve", help="serve (what happens without an action, too)")
    run = actions.add_parser(
        "billing-run", help="bill all active orders for one period; must run once each period"
    )
    run.add_argument("--period", metavar="YYYY-MM", help="the period (the present month by default)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
