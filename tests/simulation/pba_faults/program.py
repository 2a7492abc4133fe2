"""`python -m pba_faults.program`: the operator's program, with a MySQL that does all that it is asked.

As a process of its own it may end as it likes: by `os._exit` when it has lost the Lease.
"""

from __future__ import annotations

from unittest import mock

from pba_simulation.real import Willing

from pba_operator import __main__ as program


class Accounts(Willing):
    """The stand-in, as the program makes it."""

    def close(self) -> None:
        """Close nothing."""


def main() -> None:
    """Run the operator as the environment says; exit with its code."""
    with mock.patch.object(program, "MySQLAccounts", Accounts):
        program.main()


if __name__ == "__main__":
    main()
