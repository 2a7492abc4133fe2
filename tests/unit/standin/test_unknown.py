"""What the stand-in does not know it refuses as a whole, under a number of its own, and keeps for the test's end."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import pymysql
import pytest
from pba_standin.contract.pretended import PretendedMember
from pba_standin.contract.question import Question

from pba_operator.domain.model import AccountState
from pba_operator.mysql import application
from pba_operator.mysql.session import Session

STATEMENTS = (
    "SELECT 2 + 2",
    "SELECT 1; SELECT 1",
    "SELECT 1 -- and then some",
    "SELECT 'unclosed",
    "SELECT @@innodb_buffer_pool_size",
    "SELECT 1 FROM mysql.user",
    "SELECT plugin FROM mysql.user WHERE user = 'the.app'",
    "SELECT host FROM mysql.user WHERE user LIKE 'a%'",
    "SELECT host FROM mysql.user WHERE user = 'a' OR host = 'b'",
    "SELECT user FROM mysql.global_grants WHERE user = 'a'",
    "SHOW COLUMNS FROM mysql.user LIKE '%'",
    "SHOW DATABASES",
    "SET sql_mode = 'ANSI_QUOTES'",
    "SET NAMES latin1",
    "SET GLOBAL innodb_redo_log_capacity = 8388608",
    "SET SESSION sql_log_bin = 0",
    "CREATE DATABASE a CHARACTER SET latin1",
    "CREATE TABLE a.t (id INT PRIMARY KEY)",
    "CREATE USER 'a'@'%' IDENTIFIED WITH mysql_native_password BY 'x'",
    "CREATE USER 'a'@'10.0.0.0/8' IDENTIFIED BY 'x'",
    "CREATE USER 'a'@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE INTERVAL 90 DAY",
    "CREATE USER 'a'@'%' IDENTIFIED BY 'x', 'b'@'%' IDENTIFIED BY 'y'",
    "ALTER USER 'pba_admin'@'%' IDENTIFIED BY 'x' RETAIN CURRENT PASSWORD",
    "GRANT BACKUP_ADMIN ON *.* TO 'pba_admin'@'%'",
    "GRANT BACKUP_ADMIN ON a.* TO 'pba_admin'@'%'",
    "GRANT SELECT ON mysql.user TO 'pba_admin'@'%'",
    "GRANT SELECT (host) ON *.* TO 'pba_admin'@'%'",
    "DROP DATABASE mysql",
    "FLUSH PRIVILEGES",
)
EVERYTHING = (
    "SELECT user, host FROM mysql.user WHERE user <> ''",
    "SELECT user, db FROM mysql.db WHERE user <> ''",
    "SELECT schema_name FROM information_schema.schemata WHERE schema_name <> ''",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_is_not_known_is_refused_and_kept(member: PretendedMember, statement: str) -> None:
    before = [member.sql(query) for query in EVERYTHING]
    writes = Question(member).writes
    with pytest.raises(pymysql.MySQLError) as refused:
        member.sql(statement)
    assert refused.value.args[0] == 32000
    assert "stand-in" in refused.value.args[1]
    assert len(member.stand_in.unknown) == 1
    assert [member.sql(query) for query in EVERYTHING] == before
    assert Question(member).writes == writes


def test_a_command_that_is_none_of_these_is_refused_and_kept(member: PretendedMember) -> None:
    with member.log_in(*member.admin) as connection:
        connection.ping(reconnect=False)
        with pytest.raises(pymysql.MySQLError) as refused:
            connection.select_db("mysql")
        assert refused.value.args[0] == 32000
        assert member.stand_in.unknown == ["the tests' stand-in for MySQL does not know this: the command 2"]
        connection.query("SELECT 1")


def _another_query(admin: Session, _schema: str) -> None:
    admin.rows("SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = 'a'")


def _another_change(admin: Session, schema: str) -> None:
    admin.execute(f"CREATE DATABASE IF NOT EXISTS `{schema}` CHARACTER SET utf8mb4")


@pytest.mark.parametrize("begins_to_send", [_another_query, _another_change])
def test_an_operator_that_begins_to_send_something_else_is_not_ready(
    member: PretendedMember, begins_to_send: Callable[[Session, str], None]
) -> None:
    with mock.patch.object(application, "_ensure_schema", begins_to_send):
        answer = Question(member).ask()
    assert answer.state is AccountState.REFUSED
    assert "32000" in answer.detail
    assert len(member.stand_in.unknown) == 1


def test_what_was_not_known_outlives_the_server(member: PretendedMember) -> None:
    with pytest.raises(pymysql.MySQLError):
        member.sql("FLUSH PRIVILEGES")
    member.end()
    member.begin()
    member.sql("SELECT 1")
    assert len(member.stand_in.unknown) == 1
