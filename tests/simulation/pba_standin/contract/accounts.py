"""The application's schema and account: as asked, proven, and nothing written that is as asked."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any, Final

import pymysql
import pytest

from pba_hack.loopback import free_port
from pba_operator.domain.model import AccountState, DatabaseObservation, Generate, Generator
from pba_operator.mysql.material import Material
from pba_standin.contract.question import PASSWORD, Question
from pba_standin.contract.subject import Subject

DAMAGE: Final = {
    "password": "ALTER USER 'the.app'@'%' IDENTIFIED BY 'other'",
    "account": "DROP USER 'the.app'@'%'",
    "schema": "DROP DATABASE `my_app-1`",
    "one grant": "REVOKE INSERT ON `my\\_app-1`.* FROM 'the.app'@'%'",
    "all grants": "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'the.app'@'%'",
    "lock": "ALTER USER 'the.app'@'%' ACCOUNT LOCK",
    "expiry": "ALTER USER 'the.app'@'%' PASSWORD EXPIRE",
}


class AccountsContract:
    """What the operator's code finds and makes."""

    @pytest.fixture
    def question(self, subject: Subject) -> Iterator[Question]:
        made = Question(subject)
        yield made
        made.clean_up()

    def assert_usable(self, question: Question) -> None:
        """Make sure that the application can work with its schema."""
        question.log_in().close()
        columns = ", ".join(
            row[0]
            for row in question.subject.sql("SHOW COLUMNS FROM mysql.db LIKE '%\\_priv'")
            if row[0] != "Grant_priv"
        )
        user = question.wanted.user
        query = f"SELECT {columns} FROM mysql.db WHERE user = '{user}' AND host = '%'"  # noqa: S608 - its own
        (granted,) = question.subject.sql(query)
        assert set(granted) == {"Y"}

    def test_what_is_asked_is_made_and_asked_again_nothing_is_written(self, question: Question) -> None:
        answer = question.ask()
        assert answer == DatabaseObservation(AccountState.READY, question.wanted, "9.7.4")
        self.assert_usable(question)
        before = question.writes
        assert question.ask().state is AccountState.READY
        assert question.writes == before

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_what_somebody_broke_heals(self, question: Question, damage: str) -> None:
        question.ask()
        question.subject.sql(DAMAGE[damage])
        before = question.writes
        assert question.ask().state is AccountState.READY
        assert question.writes != before
        self.assert_usable(question)

    def test_another_password_takes_effect_and_the_old_one_is_void(self, question: Question) -> None:
        question.ask()
        question.password = "new"
        assert question.ask(incarnation="2").state is AccountState.READY
        question.log_in().close()
        question.password = PASSWORD
        with pytest.raises(pymysql.OperationalError, match="Access denied"):
            question.log_in()

    def test_the_application_gets_nowhere_else(self, question: Question) -> None:
        question.subject.sql("CREATE DATABASE IF NOT EXISTS `myXapp-1`")
        question.ask()
        for schema in ("myXapp-1", "mysql"):
            with pytest.raises(pymysql.OperationalError, match="Access denied"):
                question.log_in(schema)
        question.subject.sql("DROP DATABASE `myXapp-1`")

    def test_with_partial_revokes_the_schema_is_granted_by_its_very_name(self, question: Question) -> None:
        question.subject.sql("SET GLOBAL partial_revokes = ON")
        assert question.ask().state is AccountState.READY
        question.log_in().close()
        before = question.writes
        assert question.ask().state is AccountState.READY
        assert question.writes == before

    def test_what_administrators_granted_besides_stays(self, question: Question) -> None:
        question.ask()
        question.subject.sql("GRANT PROCESS ON *.* TO 'the.app'@'%'")
        assert question.ask().state is AccountState.READY
        rows = question.subject.sql("SELECT Process_priv FROM mysql.user WHERE user = 'the.app'")
        assert rows == [("Y",)]

    def test_an_account_that_goes_before_ours_is_named(self, question: Question) -> None:
        question.ask()
        question.subject.sql("CREATE USER 'the.app'@'127.0.0.1' IDENTIFIED BY 'other'")
        answer = question.ask()
        assert answer.state is AccountState.REFUSED
        assert "'the.app'@'127.0.0.1'" in answer.detail

    def test_a_server_of_another_authority_is_not_talked_to(self, question: Question) -> None:
        made = Generate({"metadata": {"name": "other-ca"}}, Generator.CERTIFICATE_AUTHORITY)
        other = asyncio.run(Material()(made, None))
        ca = {"data": {"ca.crt": base64.b64encode(other["ca.crt"].encode()).decode()}}
        question.secrets[question.wanted.ca_ref] = ca
        answer = question.ask()
        assert answer.state is AccountState.UNREACHABLE
        assert "CERTIFICATE_VERIFY_FAILED" in answer.detail

    def test_a_server_under_another_name_is_not_talked_to(self, question: Question) -> None:
        answer = question.ask(host=question.subject.wrong_host)
        assert answer.state is AccountState.UNREACHABLE
        assert question.subject.wrong_host in answer.detail
        assert "certificate is not valid for" in answer.detail

    def test_an_operators_account_that_is_refused_is_told_with_its_secret(self, question: Question) -> None:
        admin = question.secrets[question.wanted.admin_ref]
        wrong = {**admin["data"], "password": base64.b64encode(b"wr0ng").decode()}
        question.secrets[question.wanted.admin_ref] = {**admin, "data": wrong}
        answer = question.ask()
        assert answer.state is AccountState.REFUSED
        assert "shop-mysql-admin" in answer.detail
        assert "wr0ng" not in answer.detail

    def test_a_server_that_is_read_only_is_told(self, question: Question) -> None:
        question.subject.sql("SET GLOBAL super_read_only = ON")
        answer = question.ask()
        assert answer.state is AccountState.REFUSED
        assert "read-only" in answer.detail

    def test_a_frozen_server_is_given_up_at_the_time_limit_that_each_answer_has(
        self, question: Question
    ) -> None:
        limits: list[float] = []

        def connect(**options: Any) -> Any:
            limits.extend((options["read_timeout"], options["write_timeout"]))
            return question.subject.connect(**options)

        question.connect, question.answer_seconds = connect, 1
        question.subject.freeze()
        try:
            answer = question.ask()
        finally:
            question.subject.thaw()
        assert answer.state is AccountState.UNREACHABLE
        assert limits == [1, 1]
        assert question.ask().state is AccountState.READY

    def test_nobody_there_is_told(self, question: Question) -> None:
        question.port = free_port()
        answer = question.ask()
        assert answer.state is AccountState.UNREACHABLE
        assert "refused" in answer.detail

    @pytest.mark.parametrize(
        "name", ["a'b", 'a"b', "a`b", "a\\b", "a%b", "a--b", "x'@'%' IDENTIFIED BY 'y", "ä☃"]
    )
    def test_a_name_is_never_more_than_a_name(self, question: Question, name: str) -> None:
        accounts = question.subject.sql("SELECT user, host FROM mysql.user WHERE user <> ''")
        wanted = {"schema": name, "user": name}
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        try:
            assert question.ask(**wanted).state is AccountState.READY
            made = set(question.subject.sql("SELECT user, host FROM mysql.user WHERE user <> ''")) - set(
                accounts
            )
            assert made == {(name, "%")}
            assert question.ask(**wanted).state is AccountState.READY
        finally:
            question.subject.sql(f"DROP USER IF EXISTS '{quoted}'@'%'")
            question.subject.sql(f"DROP DATABASE IF EXISTS `{name.replace('`', '``')}`")
