"""What the environment says: the one place where variables and their defaults are written."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Settings:
    """The application's configuration; README.md explains each."""

    db_host: str
    db_port: int
    db_name: str
    db_user: str
    db_password: str
    db_ca: str
    port: int
    node: str
    reseller_email: str
    reseller_password: str
    billing_enabled: bool
    threads: int
    graceful_seconds: int

    def __repr__(self) -> str:
        """Leave out the passwords: this may be logged."""
        return f"Settings({self.db_user}@{self.db_host}:{self.db_port}/{self.db_name}, node={self.node})"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the configuration that the variables in `environment` ask for.

    Raises:
        ValueError: a variable that must be a number is none.
    """

    def number(name: str, default: int) -> int:
        text = environment.get(name) or str(default)
        if not text.isdecimal():
            raise ValueError(f"the variable {name} must be a whole number, not {text!r}")
        return int(text)

    return Settings(
        db_host=environment.get("DB_HOST") or "127.0.0.1",
        db_port=number("DB_PORT", 3306),
        db_name=environment.get("DB_NAME") or "app",
        db_user=environment.get("DB_USER") or "app",
        db_password=environment.get("DB_PASSWORD", ""),
        db_ca=environment.get("DB_CA", ""),
        port=number("PORT", 8080),
        node=environment.get("NODE_NAME") or socket.gethostname(),
        reseller_email=(environment.get("RESELLER_EMAIL") or "reseller@example.com").lower(),
        reseller_password=environment.get("RESELLER_PASSWORD", ""),
        billing_enabled=environment.get("BILLING_ENABLED", "").lower() == "true",
        threads=number("THREADS", 8),
        graceful_seconds=number("GRACEFUL_SECONDS", 30),
    )
