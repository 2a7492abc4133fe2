"""The application's schema and account in a real MySQL: as asked, proven, and nothing written that is as asked."""

from __future__ import annotations

import asyncio
import base64
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from pba_operator.domain.database import layout, secret_ids, secrets
from pba_operator.domain.model import (
    AccountState,
    ChildId,
    DatabaseObservation,
    EnsureAccounts,
    Generate,
    Generator,
    Manifest,
)
from pba_operator.mysql.accounts import MySQLAccounts
from pba_operator.mysql.material import Material
from pba_operator.mysql.session import Connect

Pod = Any
PASSWORD = "pa'ss\\w\"ord % ü`☃"
APP = ChildId("Secret", "mine")


class Question:
    """Asks the server of a pod, and remembers what it was asked last."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.secrets: dict[ChildId, Manifest] = dict(pod.observed.children)
        self.wanted = EnsureAccounts(
            host="localhost",
            schema="my_app-1",
            user="the.app",
            password_ref=(APP, "pw"),
            admin_ref=secret_ids.admin(pod.cluster),
            ca_ref=secret_ids.authority(pod.cluster),
            incarnation="1",
        )
        self.password = PASSWORD
        self.answer_seconds = 10.0
        self.connect: Connect = pymysql.connect

    @property
    def password(self) -> str:
        return base64.b64decode(self.secrets[APP]["data"]["pw"]).decode()

    @password.setter
    def password(self, text: str) -> None:
        self.secrets[APP] = {"data": {"pw": base64.b64encode(text.encode()).decode()}}

    def ask(self, **changes: Any) -> DatabaseObservation:
        accounts = MySQLAccounts(
            port=self.pod.port,
            answer_seconds=self.answer_seconds,
            connect_seconds=1,
            connect=self.connect,
        )
        try:
            return asyncio.run(accounts.ensure(replace(self.wanted, **changes), self.secrets))
        finally:
            accounts.close()

    def log_in(self, schema: str | None = None) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.pod.port,
            user=self.wanted.user,
            password=self.password.encode(),
            database=schema or self.wanted.schema,
            ssl={"check_hostname": False, "verify_mode": False},
            autocommit=True,
        )

    @property
    def writes(self) -> str:
        return str(self.pod.sql("SELECT @@GLOBAL.gtid_executed")[0][0])


@pytest.fixture(scope="module")
def server(
    image: Path, made_volume: Path, tmp_path_factory: pytest.TempPathFactory, make_pod: Callable[..., Pod]
) -> Iterator[Pod]:
    pod = make_pod(tmp_path_factory.mktemp("accounts"), image, made_volume)
    pod.run()
    yield pod
    pod.kill()


@pytest.fixture
def question(server: Pod) -> Iterator[Question]:
    question = Question(server)
    yield question
    server.sql("SET GLOBAL super_read_only = OFF")
    server.sql("SET GLOBAL read_only = OFF")
    server.sql(f"DROP USER IF EXISTS '{question.wanted.user}'@'%', '{question.wanted.user}'@'127.0.0.1'")
    server.sql(f"DROP DATABASE IF EXISTS `{question.wanted.schema}`")


def test_what_is_asked_is_made_and_asked_again_nothing_is_written(question: Question) -> None:
    answer = question.ask()
    assert answer == DatabaseObservation(AccountState.READY, question.wanted, "9.7.4")
    with question.log_in() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("DROP TABLE t")
    before = question.writes
    assert question.ask().state is AccountState.READY
    assert question.writes == before


DAMAGE = {
    "password": "ALTER USER 'the.app'@'%' IDENTIFIED BY 'other'",
    "account": "DROP USER 'the.app'@'%'",
    "schema": "DROP DATABASE `my_app-1`",
    "one grant": "REVOKE INSERT ON `my\\_app-1`.* FROM 'the.app'@'%'",
    "all grants": "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'the.app'@'%'",
    "lock": "ALTER USER 'the.app'@'%' ACCOUNT LOCK",
    "expiry": "ALTER USER 'the.app'@'%' PASSWORD EXPIRE",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_somebody_broke_heals(question: Question, damage: str) -> None:
    question.ask()
    question.pod.sql(DAMAGE[damage])
    assert question.ask().state is AccountState.READY
    with question.log_in() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (1)")


def test_another_password_takes_effect_and_the_old_one_is_void(question: Question) -> None:
    question.ask()
    question.password = "new"
    assert question.ask(incarnation="2").state is AccountState.READY
    question.log_in().close()
    question.password = PASSWORD
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        question.log_in()


def test_the_application_may_do_everything_in_its_schema_and_nothing_elsewhere(question: Question) -> None:
    question.pod.sql("CREATE DATABASE IF NOT EXISTS `myXapp-1`")
    question.ask()
    for schema in ("myXapp-1", "mysql"):
        with pytest.raises(pymysql.OperationalError, match="Access denied"):
            question.log_in(schema)
    question.pod.sql("DROP DATABASE `myXapp-1`")


def test_with_partial_revokes_the_schema_is_granted_by_its_very_name(question: Question) -> None:
    question.pod.sql("SET GLOBAL partial_revokes = ON")
    try:
        assert question.ask().state is AccountState.READY
        question.log_in().close()
        before = question.writes
        assert question.ask().state is AccountState.READY
        assert question.writes == before
    finally:
        question.pod.sql("SET GLOBAL partial_revokes = OFF")


def test_what_administrators_granted_besides_stays(question: Question) -> None:
    question.ask()
    question.pod.sql("GRANT PROCESS ON *.* TO 'the.app'@'%'")
    assert question.ask().state is AccountState.READY
    assert any("PROCESS" in row[0] for row in question.pod.sql("SHOW GRANTS FOR 'the.app'@'%'"))


def test_an_account_that_goes_before_ours_is_named(question: Question) -> None:
    question.ask()
    question.pod.sql("CREATE USER 'the.app'@'127.0.0.1' IDENTIFIED BY 'other'")
    answer = question.ask()
    assert answer.state is AccountState.REFUSED
    assert "'the.app'@'127.0.0.1'" in answer.detail


def test_a_server_of_another_authority_is_not_talked_to(question: Question) -> None:
    made = Generate({"metadata": {"name": "other-ca"}}, Generator.CERTIFICATE_AUTHORITY)
    other = asyncio.run(Material()(made, None))
    ca = {"data": {"ca.crt": base64.b64encode(other["ca.crt"].encode()).decode()}}
    question.secrets[question.wanted.ca_ref] = ca
    answer = question.ask()
    assert answer.state is AccountState.UNREACHABLE
    assert "CERTIFICATE_VERIFY_FAILED" in answer.detail


def test_a_server_under_another_name_is_not_talked_to(question: Question) -> None:
    answer = question.ask(host="127.0.0.1")
    assert answer.state is AccountState.UNREACHABLE
    assert "127.0.0.1" in answer.detail


def test_an_operators_account_that_is_refused_is_told_with_its_secret(question: Question) -> None:
    admin = question.secrets[question.wanted.admin_ref]
    wrong = {**admin["data"], "password": base64.b64encode(b"wr0ng").decode()}
    question.secrets[question.wanted.admin_ref] = {**admin, "data": wrong}
    answer = question.ask()
    assert answer.state is AccountState.REFUSED
    assert "shop-mysql-admin" in answer.detail
    assert "wr0ng" not in answer.detail


def test_a_server_that_is_read_only_is_told(question: Question) -> None:
    question.pod.sql("SET GLOBAL super_read_only = ON")
    answer = question.ask()
    assert answer.state is AccountState.REFUSED
    assert "read-only" in answer.detail


def test_a_password_that_the_server_refuses_is_told_without_it(question: Question) -> None:
    question.pod.sql("INSTALL COMPONENT 'file://component_validate_password'")
    try:
        question.password = "weak-one"
        answer = question.ask()
    finally:
        question.pod.sql("UNINSTALL COMPONENT 'file://component_validate_password'")
    assert answer.state is AccountState.REFUSED
    assert "policy" in answer.detail
    assert "weak-one" not in answer.detail


def test_a_frozen_server_is_given_up_at_the_time_limit_that_each_answer_has(
    question: Question,
) -> None:
    limits: list[float] = []

    def connect(**options: Any) -> Any:
        limits.extend((options["read_timeout"], options["write_timeout"]))
        return pymysql.connect(**options)

    question.connect, question.answer_seconds = connect, 1
    question.pod.signal(signal.SIGSTOP)
    try:
        answer = question.ask()
    finally:
        question.pod.signal(signal.SIGCONT)
    assert answer.state is AccountState.UNREACHABLE
    assert limits == [1, 1]


def test_nobody_there_is_told(question: Question) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    accounts = MySQLAccounts(port=port)
    answer = asyncio.run(accounts.ensure(question.wanted, question.secrets))
    accounts.close()
    assert answer.state is AccountState.UNREACHABLE
    assert "refused" in answer.detail


def test_no_password_is_in_any_log(question: Question) -> None:
    question.ask()
    admin = str(secrets.value(question.secrets[question.wanted.admin_ref], "password"))
    volume = question.pod.mount(layout.DATA_DIR)
    logs = [question.pod.log.encode(), *(path.read_bytes() for path in volume.glob("binlog.*"))]
    for secret in (PASSWORD, admin):
        assert not any(secret.encode() in log for log in logs)
