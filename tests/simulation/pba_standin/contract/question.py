"""The operator's own code, asking a subject for the application's schema and account."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any, Final

from pymysql.connections import Connection

from pba_operator.domain.database import secret_ids
from pba_operator.domain.model import ChildId, DatabaseObservation, EnsureAccounts, Manifest
from pba_operator.mysql.accounts import MySQLAccounts
from pba_standin.contract.subject import Subject

PASSWORD: Final = "pa'ss\\w\"ord % ü`☃"
APP: Final = ChildId("Secret", "mine")


class Question:
    """Asks a subject, and remembers what it was asked last."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.secrets: dict[ChildId, Manifest] = dict(subject.observed.children)
        self.wanted = EnsureAccounts(
            host=subject.host,
            schema="my_app-1",
            user="the.app",
            password_ref=(APP, "pw"),
            admin_ref=secret_ids.admin(subject.cluster),
            ca_ref=secret_ids.authority(subject.cluster),
            incarnation="1",
        )
        self.password = PASSWORD
        self.answer_seconds = 10.0
        self.connect = subject.connect
        self.port = subject.port

    @property
    def password(self) -> str:
        """The application's password, as its Secret has it."""
        return base64.b64decode(self.secrets[APP]["data"]["pw"]).decode()

    @password.setter
    def password(self, text: str) -> None:
        self.secrets[APP] = {"data": {"pw": base64.b64encode(text.encode()).decode()}}

    def ask(self, **changes: Any) -> DatabaseObservation:
        """Have the operator's code ask.

        Args:
            **changes: what is wanted otherwise.
        """
        accounts = MySQLAccounts(
            port=self.port,
            answer_seconds=self.answer_seconds,
            connect_seconds=1,
            connect=self.connect,
        )
        try:
            return asyncio.run(accounts.ensure(replace(self.wanted, **changes), self.secrets, lambda: None))
        finally:
            accounts.close()

    def log_in(self, schema: str | None = None) -> Connection[Any]:
        """Connect as the application would."""
        database = schema or self.wanted.schema
        return self.subject.log_in(self.wanted.user, self.password, database=database)

    @property
    def writes(self) -> str:
        """All transactions that were ever written, as a GTID set."""
        return str(self.subject.sql("SELECT @@GLOBAL.gtid_executed")[0][0])

    def clean_up(self) -> None:
        """Remove what was asked for."""
        for variable in ("super_read_only", "read_only", "partial_revokes"):
            self.subject.sql(f"SET GLOBAL {variable} = OFF")
        user = self.wanted.user
        self.subject.sql(f"DROP USER IF EXISTS '{user}'@'%', '{user}'@'127.0.0.1'")
        for schema in (self.wanted.schema, "another"):
            self.subject.sql(f"DROP DATABASE IF EXISTS `{schema}`")
