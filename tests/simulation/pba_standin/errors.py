"""What the stand-in answers instead of doing what it is asked: MySQL's own errors, and one that is not MySQL's.

What must stay true: a statement that is not known is refused under a number that MySQL does not have, and is kept, so
that an operator that begins to send another statement makes tests fail; nothing is ever done half, or pretended.
"""

from __future__ import annotations

from typing import Final

from pymysql.constants import ER

UNKNOWN_HERE: Final = 32000
"""None of MySQL's. PyMySQL reads a number of two bytes with a sign, so it is no higher."""
UNKNOWN_HERE_STATE: Final = "PBA00"

_STATES: Final = {
    ER.CON_COUNT_ERROR: "08004",
    ER.DBACCESS_DENIED_ERROR: "42000",
    ER.ACCESS_DENIED_ERROR: "28000",
    ER.BAD_DB_ERROR: "42000",
    ER.SERVER_SHUTDOWN: "08S01",
    ER.TABLEACCESS_DENIED_ERROR: "42000",
    ER.NONEXISTING_GRANT: "42000",
    ER.SPECIFIC_ACCESS_DENIED_ERROR: "42000",
}
"""By number, of those that are not HY000. Source: the list of server errors in MySQL's manual."""


class SqlError(Exception):
    """An error as MySQL answers it."""

    def __init__(self, number: int, message: str, state: str = "") -> None:
        super().__init__(message)
        self.number = number
        self.state = state or _STATES.get(number, "HY000")
        self.message = message


class UnknownHere(SqlError):
    """The stand-in does not know what it is asked; a real server may."""

    def __init__(self, what: str) -> None:
        super().__init__(
            UNKNOWN_HERE, f"the tests' stand-in for MySQL does not know this: {what}", UNKNOWN_HERE_STATE
        )
