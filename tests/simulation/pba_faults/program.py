"""`python -m pba_faults.program`: the operator's program, with the way to the MySQL of the process that started it.

Its calendar may be ahead of the machine's: whatever Python asks for the date is told so, in libraries too. Clocks that
nobody sets, and what C asks itself (OpenSSL, which checks certificates), go on as they are.

As a process of its own it may end as it likes: by `os._exit` when it has lost the Lease.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
from typing import Final
from unittest import mock

import time_machine
from pba_standin.connecting import connector
from pba_standin.names import asking

from pba_operator import program
from pba_operator.mysql.accounts import MySQLAccounts

NAMES: Final = "PBA_TEST_MYSQL_NAMES"
"""The environment variable with the port of loopback at which the stand-in's names are asked for."""
AHEAD: Final = "PBA_TEST_CALENDAR_AHEAD"
"""The environment variable with the seconds that the calendar is ahead."""


def main() -> None:
    """Run the operator as the environment says; exit with its code."""
    connect = connector(asking(int(os.environ[NAMES])))
    ahead = dt.timedelta(seconds=float(os.environ[AHEAD]))
    with (
        mock.patch.object(program, "MySQLAccounts", functools.partial(MySQLAccounts, connect=connect)),
        time_machine.travel(ahead),
    ):
        program.main()


if __name__ == "__main__":
    main()
