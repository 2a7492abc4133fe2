"""When a member's mysqld starts, with what, and what stays: as its pod and its volume say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest
from pba_standin.contract.pretended import PretendedMember
from pba_standin.contract.question import Question
from pba_standin.session import Variables

from pba_hack.waiting import wait_for
from pba_operator.domain.model import AccountState, ChildId


def test_a_pod_that_does_not_run_refuses_connections(subject: PretendedMember) -> None:
    subject.is_running = False
    with pytest.raises(pymysql.OperationalError, match="Connection refused") as refused:
        subject.sql("SELECT 1")
    assert refused.value.args[0] == 2003
    with pytest.raises(ConnectionRefusedError):
        subject.stand_in.server(subject.host)


def test_nothing_listens_before_all_that_a_pod_mounts_is_there(subject: PretendedMember) -> None:
    """Somebody deletes a Secret that is made anew, and just then the pod is, too."""
    question = Question(subject)
    subject.restarts += 1
    subject.gone.add(ChildId("Secret", "shop-mysql-tls"))
    assert question.ask().state is AccountState.UNREACHABLE
    subject.gone.clear()
    assert question.ask().state is AccountState.READY


def test_a_pod_that_is_not_there_has_no_name(subject: PretendedMember) -> None:
    answer = Question(subject).ask(host="shop-mysql-1.shop-mysql.default.svc")
    assert answer.state is AccountState.UNREACHABLE
    assert "Name or service not known" in answer.detail


def test_an_admin_secret_made_anew_takes_effect_at_the_next_start(subject: PretendedMember) -> None:
    question = Question(subject)
    assert question.ask().state is AccountState.READY
    subject.remake_admin()
    anew = Question(subject)
    refused = anew.ask()
    assert refused.state is AccountState.REFUSED
    assert "delete the pod" in refused.detail
    before = subject.observed
    subject.restarts += 1
    assert anew.ask().state is AccountState.READY
    assert question.ask().state is AccountState.REFUSED
    assert subject.observed is before


def test_what_is_on_the_volume_stays_and_another_volume_is_empty(subject: PretendedMember) -> None:
    question = Question(subject)
    question.ask()
    writes = question.writes
    subject.sql("SET GLOBAL max_connections = 7")
    subject.restarts += 1
    assert question.ask().state is AccountState.READY
    assert question.writes == writes
    assert subject.sql("SELECT @@max_connections") == [(151,)]
    subject.restarts += 1
    subject.volume = "2"
    assert question.writes == ""
    assert subject.sql("SELECT user FROM mysql.user WHERE user = 'the.app'") == []


def test_a_restart_ends_the_connections_of_before(subject: PretendedMember) -> None:
    connection = subject.log_in(*subject.admin)
    subject.restarts += 1
    subject.sql("SELECT 1")
    with pytest.raises(pymysql.OperationalError):
        connection.query("SELECT 1")


def test_each_password_is_sent_in_full_only_once_after_a_start(subject: PretendedMember) -> None:
    question = Question(subject)
    question.ask()

    def is_cached() -> bool:
        account = subject.stand_in.server(subject.host).database.account_for("the.app", "127.0.0.1")
        assert account is not None
        return account.password.is_cached

    assert is_cached()
    question.log_in().close()
    subject.restarts += 1
    assert not is_cached()
    question.log_in().close()
    assert is_cached()


def test_a_frozen_server_that_ends_does_nothing_of_what_it_was_asked(subject: PretendedMember) -> None:
    server = subject.stand_in.server(subject.host)
    connection = subject.log_in(*subject.admin)
    subject.freeze()
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(connection.query, "CREATE DATABASE another")
        wait_for("it to be asked", lambda: server.held, 10)
        subject.restarts += 1
        subject.stand_in.port(subject.host, subject.port)
        with pytest.raises(pymysql.OperationalError):
            asking.result(10)
    wait_for("its connections to end", lambda: not server.connections, 10)
    assert "another" not in server.database.schemas


def test_what_the_user_says_of_mysqlds_options_is_heard() -> None:
    member = PretendedMember("mysql:9.8.0-debian", require_secure_transport="ON", max_connections="1000")
    try:
        assert member.sql("SELECT VERSION()") == [("9.8.0-debian",)]
        assert member.sql("SELECT @@max_connections") == [(1000,)]
        with pytest.raises(pymysql.OperationalError) as refused:
            member.log_in(*member.admin, ssl=None, ssl_disabled=True)
        assert refused.value.args[0] == 3159
    finally:
        member.stand_in.close()


def test_a_server_comes_up_read_only_until_its_init_file_says_otherwise(subject: PretendedMember) -> None:
    my_cnf = subject.stand_in.server(subject.host).files.my_cnf
    assert Variables.of_file(my_cnf).is_on("super_read_only")
    assert subject.sql("SELECT @@super_read_only") == [(0,)]
