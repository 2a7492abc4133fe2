"""What can go wrong between us and MySQL, worded for the user.

DatabaseError
├── Unreachable        nobody answered, or not as a server of ours: may pass by itself
└── Refused            MySQL answered, and refused: somebody has to do something
    └── LoginRefused   it does not accept name and password
"""

from __future__ import annotations

from typing import Final

import pymysql

_ACCESS_DENIED: Final = frozenset({1044, 1045, 1698, 3118})
"""Of an account, its password or its schema; also a locked account."""
_READ_ONLY: Final = frozenset({1290, 1836})
_PASSING: Final = {
    1040: "it has no connection left: see max_connections",
    1053: "it is shutting down",
    1317: "it broke off what it was asked: it is shutting down, or somebody has said KILL",
    2003: "no connection",
    2006: "the connection was lost",
    2013: "no answer in time, or the connection was lost",
    2026: "it does not offer TLS",
}
"""Errors that say nothing against what was asked."""


class DatabaseError(Exception):
    """Base of the errors here; the text is for the user."""


class Unreachable(DatabaseError):
    """MySQL could not be asked."""


class Refused(DatabaseError):
    """MySQL refused what it was asked."""


class LoginRefused(Refused):
    """MySQL does not accept this account with this password."""


def translated(error: pymysql.MySQLError) -> DatabaseError:
    """Return the error of this module that `error` stands for."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    words = str(error.args[-1]) if error.args else type(error).__name__
    if number in _PASSING:
        return Unreachable(f"{_PASSING[number]} ({words})")
    if number in _ACCESS_DENIED:
        return LoginRefused(words)
    if number in _READ_ONLY:
        return Refused(f"the server is read-only, so nothing can be changed in it ({words})")
    return Refused(f"{words} (MySQL's error {number})")
