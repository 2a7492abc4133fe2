"""A node as a process: it starts among others, finishes what it began, and stays small."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from pba_store.browser import Browser
from pba_store.mysql import Mysql
from pba_store.node import PROGRAM, Stage

from pba_hack.waiting import wait_for

MEMORY_LIMIT_KIB = 120 * 1024


def test_nodes_that_start_at_once_on_an_empty_database_all_get_ready(stage: Stage, mysql: Mysql) -> None:
    for number in range(4):
        stage.node(f"node-{number}")
    for node in stage.nodes:
        node.wait_ready()
        assert "Traceback" not in node.log, node.log
    assert mysql.execute("SELECT version FROM schema_versions", database=stage.database) == [{"version": 1}]
    assert len({node.get("/api/products").body for node in stage.nodes}) == 1


def test_a_start_on_a_prepared_database_writes_nothing(stage: Stage, mysql: Mysql) -> None:
    stage.node("first").wait_ready()
    [written] = mysql.execute("SHOW BINARY LOG STATUS")
    assert written["Position"] > 0
    stage.node("second").wait_ready()
    assert mysql.execute("SHOW BINARY LOG STATUS") == [written]


def test_a_node_starts_on_a_server_that_is_read_only(stage: Stage, mysql: Mysql) -> None:
    stage.node("first").wait_ready()
    mysql.execute("SET GLOBAL super_read_only = ON")
    try:
        stage.node("second").wait_ready()
    finally:
        mysql.execute("SET GLOBAL read_only = OFF")


def test_every_table_may_be_in_a_replicated_group(stage: Stage, mysql: Mysql) -> None:
    stage.node().wait_ready()
    tables = mysql.execute(
        "SELECT t.table_name AS name, t.engine AS engine, c.constraint_name AS pk FROM information_schema.tables t "
        "LEFT JOIN information_schema.table_constraints c ON c.table_schema = t.table_schema "
        "AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY' WHERE t.table_schema = %s",
        stage.database,
    )
    assert len(tables) >= 11
    assert {(table["engine"], table["pk"]) for table in tables} == {("InnoDB", "PRIMARY")}


def sockets(pid: int) -> list[str]:
    """Return the sockets that a process holds."""
    links = (path.resolve().name for path in Path(f"/proc/{pid}/fd").iterdir())
    return [link for link in links if link.startswith("socket:")]


def test_a_request_in_flight_is_finished_after_sigterm(stage: Stage, browser: Browser, mysql: Mysql) -> None:
    node = stage.node().wait_ready()
    browser.sign_up(node)
    answers: list[Any] = []
    with mysql.connect(stage.database) as blocker, blocker.cursor() as cursor:
        cursor.execute("SELECT id FROM products WHERE code = 'web-s' FOR UPDATE")
        request = threading.Thread(target=lambda: answers.append(browser.order(node, "in flight")))
        request.start()
        # Not information_schema.innodb_trx: who reads that more often than every 0.1 s reads its cache for ever.
        waiting = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
        wait_for("the order to wait for the lock", lambda: mysql.execute(waiting)[0]["Value"] == "1")
        node.process.send_signal(signal.SIGTERM)
        wait_for("the master to let go of its port", lambda: not sockets(node.process.pid))
        assert node.process.poll() is None
        blocker.rollback()
    request.join(30)
    assert [answer.status for answer in answers] == [201]
    assert node.process.wait(30) == 0
    stage.nodes.remove(node)
    stage.nodes.insert(0, stage.node("next").wait_ready())
    assert stage.check()["orders"] == 1


def test_a_node_is_small(stage: Stage, browser: Browser) -> None:
    node = stage.node().wait_ready()
    browser.sign_up(node)
    for number in range(30):
        browser.order(node, f"key-{number}")
        browser.page(node, "/")
    own = node.process.pid
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    assert len(children) == 1
    resident = 0
    for pid in (own, *children):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        resident += int(status["VmRSS"].split()[0])
    assert resident <= MEMORY_LIMIT_KIB


def test_a_new_password_of_the_reseller_counts_after_a_restart(stage: Stage, browser: Browser) -> None:
    stage.node("old").wait_ready()
    node = stage.node("new", RESELLER_PASSWORD="another-one").wait_ready()
    login = {"email": "reseller@example.com", "password": "the-reseller"}
    assert browser.call(node, "POST", "/api/login", login).status == 401
    assert browser.call(node, "POST", "/api/login", login | {"password": "another-one"}).status == 200


def bill(stage: Stage, period: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **PROGRAM}
    command = [sys.executable, "-m", "pba_demoapp", "billing-run", "--period", period]
    return subprocess.run(
        command, env=environment | stage.environment(**changed), capture_output=True, text=True, check=False
    )


def test_the_billing_run_is_off_then_bills_each_order_and_twice_is_seen(
    stage: Stage, browser: Browser
) -> None:
    node = stage.node().wait_ready()
    browser.sign_up(node)
    for key in ("one", "two"):
        browser.order(node, key)
    browser.order(node, "a domain", product="domain-com")
    assert bill(stage, "2099-01").returncode == 2
    assert stage.check()["billing_runs"] == 0
    first = bill(stage, "2099-01", BILLING_ENABLED="true")
    assert (first.returncode, first.stdout) == (0, "Billed 3 orders for 2099-01.\n"), first.stderr
    once = stage.check()
    assert (once["balanced"], once["invoices"], once["periods_billed_twice"]) == (True, 6, [])
    assert bill(stage, "2099-01", BILLING_ENABLED="true").returncode == 0
    twice = stage.check()
    assert (twice["balanced"], twice["invoices"], twice["periods_billed_twice"]) == (True, 9, ["2099-01"])


def test_the_billing_run_bills_nothing_for_the_period_of_the_order_itself(
    stage: Stage, browser: Browser
) -> None:
    node = stage.node().wait_ready()
    browser.sign_up(node)
    period = browser.order(node, "one").json["order"]["created_at"][:7]
    assert bill(stage, period, BILLING_ENABLED="true").stdout == f"Billed 0 orders for {period}.\n"
