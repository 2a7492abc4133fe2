"""The start script on a real server: made once, killed anywhere, started again, and nothing lost."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql
import pytest

from pba_operator.domain.database import configuration, layout, statefulset
from pba_operator.domain.pods import last_words

Pod = Any


def _variable(pod: Pod, name: str) -> str:
    return str(pod.sql(f"SELECT @@GLOBAL.{name}")[0][0])


def test_the_first_start_makes_a_server_that_is_writable_and_ready_for_a_group(new_pod: Pod) -> None:
    new_pod.run()
    assert _variable(new_pod, "super_read_only") == "0"
    assert _variable(new_pod, "read_only") == "0"
    assert _variable(new_pod, "log_bin") == "1"
    assert _variable(new_pod, "gtid_mode") == "ON"
    assert _variable(new_pod, "enforce_gtid_consistency") == "ON"
    assert _variable(new_pod, "report_host") == "shop-mysql-0.shop-mysql.default.svc"
    assert int(_variable(new_pod, "server_id")) == configuration.server_id_base(new_pod.cluster)
    with pytest.raises(pymysql.OperationalError, match="secure-file-priv"):
        new_pod.sql("SELECT 1 INTO OUTFILE '/tmp/out'")
    plugins = new_pod.sql("SELECT plugin_name FROM information_schema.plugins WHERE plugin_status = 'ACTIVE'")
    assert {("group_replication",), ("clone",)} <= set(plugins)
    group = configuration.group_name(new_pod.cluster, new_pod.observed)
    assert _variable(new_pod, "group_replication_group_name") == group


def test_what_was_made_is_no_transaction_and_leaves_no_open_door(new_pod: Pod) -> None:
    new_pod.run()
    assert _variable(new_pod, "gtid_executed") == ""
    open_accounts = new_pod.sql("SELECT user, host FROM mysql.user WHERE account_locked = 'N'")
    assert set(open_accounts) == {("pba_admin", "%"), ("pba_probe", "localhost")}
    with pytest.raises(pymysql.OperationalError):
        new_pod.log_in("root", "")
    assert (new_pod.sql("SHOW GRANTS FOR 'pba_probe'@'localhost'")) == [
        ("GRANT USAGE ON *.* TO `pba_probe`@`localhost`",)
    ]


def _appears(path: str) -> Callable[[Path], bool]:
    return lambda volume: (volume / path).exists()


MOMENTS = {
    "before mysqld": _appears("."),
    "its folder is there": _appears("initializing"),
    "the dictionary is there": _appears("initializing/mysql.ibd"),
    "the last schema is there": _appears("initializing/sys"),
    "it has its name": _appears("data"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_it_is_made_it_is_made_anew(new_pod: Pod, moment: str, until: Any) -> None:
    volume = new_pod.mount(layout.VOLUME_DIR)
    new_pod.start()
    until(moment, lambda: MOMENTS[moment](volume))
    new_pod.kill()
    new_pod.run()
    assert not (volume / "initializing").exists()
    new_pod.sql("CREATE DATABASE app")
    assert (volume / "data/app").is_dir()


def test_killed_while_it_serves_it_keeps_every_committed_row(pod: Pod) -> None:
    pod.run()
    pod.sql("CREATE DATABASE app")
    pod.sql("CREATE TABLE app.orders (id INT PRIMARY KEY)")
    for number in range(20):
        pod.sql(f"INSERT INTO app.orders VALUES ({number:d})")  # noqa: S608 - a number
    pod.kill()
    pod.run()
    assert pod.sql("SELECT COUNT(*) FROM app.orders") == [(20,)]
    assert _variable(pod, "super_read_only") == "0"


def test_it_ends_in_order_when_it_is_told_to(pod: Pod) -> None:
    pod.run()
    assert pod.stop() == 0
    assert "Shutdown complete" in pod.log


def test_it_ends_at_once_when_it_is_told_to_while_it_is_made(new_pod: Pod, until: Any) -> None:
    new_pod.start()
    volume = new_pod.mount(layout.VOLUME_DIR)
    until("the folder", (volume / "initializing/ibdata1").exists)
    new_pod.signal(signal.SIGTERM)
    assert new_pod.wait(5) == 143
    assert not (volume / "data").exists()


def test_an_admin_secret_made_anew_takes_effect_at_the_next_start_whatever_the_policies(pod: Pod) -> None:
    pod.configure(password_history="3", password_reuse_interval="7")
    pod.run()
    pod.sql("INSTALL COMPONENT 'file://component_validate_password'")
    before = pod.observed
    pod.stop()
    pod.remake_admin()
    pod.run()
    pod.kill()
    pod.run()
    assert pod.sql("SELECT CURRENT_USER()") == [("pba_admin@%",)]
    pod.observed = before
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        pod.log_in(*pod.admin)


def test_data_of_somebody_else_is_not_touched_and_the_reason_is_told(new_pod: Pod) -> None:
    volume = new_pod.mount(layout.VOLUME_DIR)
    (volume / "ibdata1").write_text("theirs")
    new_pod.start()
    assert new_pod.wait(10) == 1
    assert "did not make" in last_words(new_pod.log)
    assert [path.name for path in volume.iterdir()] == ["ibdata1"]


def test_an_option_that_does_not_exist_is_named_by_the_last_words(pod: Pod) -> None:
    pod.configure(no_such_option="1")
    pod.start()
    assert pod.wait() != 0
    tail = pod.log[-2048:]
    assert "no_such_option" in last_words(tail)


@pytest.mark.parametrize(
    "value",
    [
        r"'in quotes, a # no comment, back\slash \n stays, \\ too'",
        '"in double quotes, a\ttab, `back`, it\'s ümläut ☃, [client] !include /etc/passwd = ;"',
        "  spaces around, a backslash \\ ",
        "ends with a backslash \\",
    ],
    ids=["quotes", "double quotes", "spaces", "backslash"],
)
def test_a_value_reaches_mysqld_as_it_was_written(pod: Pod, value: str) -> None:
    pod.configure(init_replica=value)
    pod.run()
    assert _variable(pod, "init_replica") == value


def test_a_frozen_server_is_not_ready(pod: Pod) -> None:
    pod.run()
    pod.signal(signal.SIGSTOP)
    assert pod.execute(*statefulset.probe_command()) != 0
    pod.signal(signal.SIGCONT)
    assert pod.execute(*statefulset.probe_command()) == 0


def test_it_becomes_a_group_without_a_restart_and_stays_read_only_outside_of_it(pod: Pod, until: Any) -> None:
    pod.run()
    pod.sql("SET GLOBAL group_replication_bootstrap_group = ON")
    pod.sql("START GROUP_REPLICATION")
    states = "SELECT member_state FROM performance_schema.replication_group_members"
    until("a member", lambda: pod.sql(states) == [("ONLINE",)])
    until("it takes writes, which is later", lambda: _variable(pod, "super_read_only") == "0")
    pod.sql("CREATE DATABASE app")
    pod.kill()

    pod.run()
    assert _variable(pod, "super_read_only") == "1"
    with pytest.raises(pymysql.OperationalError, match="super-read-only"):
        pod.sql("CREATE DATABASE errant")

    pod.sql("RESET REPLICA ALL FOR CHANNEL 'group_replication_applier'")
    pod.kill()
    pod.run()
    assert _variable(pod, "super_read_only") == "0"
    assert ("app",) in pod.sql("SHOW DATABASES")
