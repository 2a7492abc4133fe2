"""What lies on a member's volume: schemas, accounts and their grants; it outlives the server's process."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Final

from pba_standin.passwords import Password, password
from pba_standin.statements import Name, Settings

ANYWHERE: Final = "%"
SYSTEM_SCHEMAS: Final = frozenset({"information_schema", "mysql", "performance_schema", "sys"})
_INTERNAL: Final = ("mysql.infoschema", "mysql.session", "mysql.sys")
FOR_EVERYBODY: Final = frozenset({"information_schema", "performance_schema"})
"""The schemas that everybody sees."""


@dataclass
class Account:
    """An account, its password and what was granted to it."""

    name: Name
    password: Password = field(default_factory=lambda: password(""))
    is_locked: bool = False
    is_expired: bool = False
    needs_tls: bool = False
    on_server: set[str] = field(default_factory=set)
    """Privileges on everything."""
    on_schemas: dict[str, set[str]] = field(default_factory=dict)
    """Privileges by the pattern of schemas' names."""

    def set(self, settings: Settings) -> None:
        """Change what the settings say."""
        if settings.password is not None:
            self.password = password(settings.password)
        if settings.is_locked is not None:
            self.is_locked = settings.is_locked
        if settings.is_expired is not None:
            self.is_expired = settings.is_expired
        if settings.needs_tls is not None:
            self.needs_tls = settings.needs_tls


@dataclass
class Database:
    """The content of one data directory, as `mysqld --initialize-insecure` leaves it."""

    schemas: set[str] = field(default_factory=lambda: set(SYSTEM_SCHEMAS))
    accounts: dict[Name, Account] = field(default_factory=dict, init=False)
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))
    transactions: int = 0
    """How many there are in the binary log."""

    def __post_init__(self) -> None:
        for user in ("root", *_INTERNAL):
            account = Account(Name(user, "localhost"), is_locked=user != "root")
            self.accounts[account.name] = account

    def account_for(self, user: str, address: str) -> Account | None:
        """Return the account that a client is: one of its very address goes before one of anywhere."""
        exact, anywhere = Name(user, address), Name(user, ANYWHERE)
        return self.accounts.get(exact) or self.accounts.get(anywhere)

    @property
    def gtids(self) -> str:
        """The transactions that were carried out, as a GTID set."""
        last = self.transactions
        if not last:
            return ""
        return f"{self.identity}:1" if last == 1 else f"{self.identity}:1-{last}"
