"""`python -m pba_faults.program`: the operator's program, with the way to the MySQL of the process that started it.

As a process of its own it may end as it likes: by `os._exit` when it has lost the Lease.
"""

from __future__ import annotations

import functools
import os
from typing import Final
from unittest import mock

from pba_standin.connecting import connector
from pba_standin.names import asking

from pba_operator import program
from pba_operator.mysql.accounts import MySQLAccounts

NAMES: Final = "PBA_TEST_MYSQL_NAMES"
"""The environment variable with the port of loopback at which the stand-in's names are asked for."""


def main() -> None:
    """Run the operator as the environment says; exit with its code."""
    connect = connector(asking(int(os.environ[NAMES])))
    with mock.patch.object(program, "MySQLAccounts", functools.partial(MySQLAccounts, connect=connect)):
        program.main()


if __name__ == "__main__":
    main()
