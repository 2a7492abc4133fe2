"""What a statement is carried out in: a running server, as whom, from where, and what was set."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pymysql.constants import ER

from pba_standin import privileges
from pba_standin.database import FOR_EVERYBODY, Account, Database
from pba_standin.errors import SqlError, UnknownHere

_OPTION: Final = re.compile(r'^(?P<name>\w+) = "(?P<value>.*)"$', re.MULTILINE)
_SWITCHES: Final = {"ON": "1", "OFF": "0", "1": "1", "0": "0"}
_DEFAULTS: Final = {
    "max_connections": "151",
    "partial_revokes": "0",
    "read_only": "0",
    "require_secure_transport": "0",
    "super_read_only": "0",
}
"""The global variables that are known, with MySQL's own values."""


def switched(value: str) -> str | None:
    """Return 1 or 0 for what a switch may be set to; None for anything else."""
    return _SWITCHES.get(value.upper())


@dataclass
class Variables:
    """A server's global variables, from its start on."""

    values: dict[str, str] = field(default_factory=lambda: dict(_DEFAULTS))

    @classmethod
    def of_file(cls, my_cnf: str) -> Variables:
        """Return those of a server that was started with an option file."""
        made = cls()
        for found in _OPTION.finditer(my_cnf):
            if found["name"] in _DEFAULTS:
                made.change(found["name"], found["value"])
        return made

    def change(self, name: str, value: str) -> None:
        """Set one; `super_read_only` sets `read_only`, too, and cannot be without it."""
        plain = value if name == "max_connections" else switched(value)
        if name not in _DEFAULTS or plain is None:
            raise UnknownHere(f"SET GLOBAL {name} = {value}")
        self.values[name] = plain
        if (name, plain) == ("super_read_only", "1"):
            self.values["read_only"] = "1"
        if (name, plain) == ("read_only", "0"):
            self.values["super_read_only"] = "0"

    def is_on(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return self.values[name] == "1"


@dataclass
class Session:
    """An open connection, or mysqld itself while it reads its init file."""

    database: Database
    variables: Variables
    version: str
    address: str = ""
    """Where the client is."""
    account: Account | None = None
    """None: nobody has logged in."""
    is_server: bool = False
    """Whether it is mysqld itself, which may do everything."""
    writes_log: bool = True
    """Whether what it changes goes to the binary log (`sql_log_bin`)."""

    def may(self, privilege: str, schema: str = "") -> bool:
        """Tell whether it has a privilege on everything, or at least on one schema."""
        if self.is_server or (self.account is not None and privilege in self.account.on_server):
            return True
        return bool(schema) and privilege in self.granted_on(schema)

    def granted_on(self, schema: str) -> set[str]:
        """Return the privileges that were granted on a schema."""
        if self.account is None:
            return set()
        is_literal = self.variables.is_on("partial_revokes")
        grants = self.account.on_schemas.items()
        found = [
            held for pattern, held in grants if privileges.is_for(pattern, schema, is_literal=is_literal)
        ]
        return set[str]().union(*found)

    def can_see(self, schema: str) -> bool:
        """Tell whether a schema is shown to it."""
        has_any = self.account is not None and bool(self.account.on_server)
        return has_any or schema in FOR_EVERYBODY or bool(self.granted_on(schema))

    def require(self, privilege: str, called: str = "") -> None:
        """Make sure that it has a privilege on everything.

        Args:
            privilege: which.
            called: what would do, in the words of MySQL's error; the privilege itself if nothing is given.

        Raises:
            SqlError: it has not.
        """
        if not self.may(privilege):
            needed = called or privilege
            raise SqlError(
                ER.SPECIFIC_ACCESS_DENIED_ERROR,
                f"Access denied; you need (at least one of) the {needed} privilege(s) for this operation",
            )

    def require_on(self, privilege: str, schema: str) -> None:
        """Make sure that it has a privilege on a schema.

        Raises:
            SqlError: it has not.
        """
        if not self.may(privilege, schema):
            raise self.no_access_to(schema)

    def no_access_to(self, schema: str) -> SqlError:
        """Return the error that it gets which has no access to a schema."""
        return SqlError(ER.DBACCESS_DENIED_ERROR, f"Access denied for user {self.who} to database '{schema}'")

    @property
    def who(self) -> str:
        """The account, as errors name it."""
        return str(self.account.name) if self.account is not None else "mysqld"

    def begin_change(self) -> None:
        """Make sure that something may be changed.

        Raises:
            SqlError: the server is read-only.
        """
        if self.is_server:
            return
        if self.variables.is_on("read_only") and not self.may("SUPER"):
            raise _read_only("read-only")
        if self.variables.is_on("super_read_only"):
            raise _read_only("super-read-only")

    def end_change(self) -> None:
        """Put what was changed into the binary log."""
        if self.writes_log:
            self.database.transactions += 1


def _read_only(option: str) -> SqlError:
    return SqlError(
        ER.OPTION_PREVENTS_STATEMENT,
        f"The MySQL server is running with the --{option} option so it cannot execute this statement",
    )
