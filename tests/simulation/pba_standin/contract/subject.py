"""A server that the tests of the contract are about."""

from __future__ import annotations

import functools
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from pymysql.connections import Connection

from pba_operator.domain.database import secret_ids, secrets
from pba_operator.domain.model import Cluster, Observed

SPOILED: Final = b"This is no PEM."


class Subject(ABC):
    """A running member, and who can hurt it."""

    cluster: Cluster
    observed: Observed
    """With its Secrets."""
    host: str
    """The member's name, which is in its certificate."""
    wrong_host: str
    """Another name under which the same server is found."""
    port: int
    connect: Callable[..., Connection[Any]]
    spoiled: str = ""
    """A file of its certificate that is none when it starts; "": all are as they should be."""

    @abstractmethod
    def freeze(self) -> None:
        """Have it answer nobody."""

    @abstractmethod
    def thaw(self) -> None:
        """Have it go on."""

    @abstractmethod
    def end(self) -> None:
        """End it as Kubernetes does."""

    @abstractmethod
    def begin(self) -> None:
        """Start it again, with the same volume; return when it answers."""

    def log_in(self, user: str, password: str, **options: Any) -> Connection[Any]:
        """Connect with TLS, whoever the server is."""
        usual = {"ssl": _trusting_everybody(), "autocommit": True, "read_timeout": 30}
        whole = {"host": self.host, "port": self.port, "user": user, "password": password.encode()}
        return self.connect(**whole, **{**usual, **options})

    @property
    def admin(self) -> tuple[str, str]:
        """The operator's account and its password."""
        secret = self.observed.children[secret_ids.admin(self.cluster)]
        return str(secrets.value(secret, "username")), str(secrets.value(secret, "password"))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Carry out a statement as the operator's account, in a connection of its own."""
        with self.log_in(*self.admin) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


@functools.cache
def _trusting_everybody() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made
