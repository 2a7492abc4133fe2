"""The database goes away, takes no writes, comes back: nothing acknowledged is lost, nothing happens twice."""

from __future__ import annotations

import functools
import threading
from pathlib import Path

from pba_store.browser import Browser
from pba_store.mysql import Mysql
from pba_store.node import Node, Stage

from pba_hack.waiting import wait_for


class Customers:
    """Customers who order all the time, each order under a key of its own, sent once."""

    def __init__(self, nodes: list[Node], count: int) -> None:
        self.acknowledged: set[str] = set()
        self.refused: dict[str, set[str]] = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._order, args=(number, nodes[number % len(nodes)], Browser()))
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _order(self, number: int, node: Node, browser: Browser) -> None:
        browser.sign_up(node)
        sent = 0
        while not self._stop.is_set():
            key = f"customer-{number}-{sent}"
            sent += 1
            answer = browser.order(node, key)
            if answer.status == 201:
                self.acknowledged.add(key)
            else:
                self.refused.setdefault(f"{answer.status} {answer.json['error']}", set()).add(key)


def test_mysqld_killed_under_load_loses_no_acknowledged_order_and_doubles_none(
    nodes: list[Node], browser: Browser, mysql: Mysql, store: Stage
) -> None:
    customers = Customers(nodes, 4)
    try:
        wait_for("orders", lambda: len(customers.acknowledged) > 60)
        mysql.kill()
        wait_for("refusals", lambda: customers.refused)
        before = len(customers.acknowledged)
        mysql.start()
        wait_for(
            "orders again, without any restart of a node", lambda: len(customers.acknowledged) > before + 60
        )
    finally:
        customers.stop()
    assert set(customers.refused) <= {"503 database_unavailable", "503 outcome_unknown"}
    asked = {"request_ids": sorted(customers.acknowledged)}
    assert browser.call(nodes[0], "POST", "/api/ledger/missing", asked).json == {"missing": []}
    books = store.check()
    assert books["balanced"], books
    unknown = customers.refused.get("503 outcome_unknown", set())
    assert len(customers.acknowledged) <= books["orders"] <= len(customers.acknowledged) + len(unknown)


def test_a_read_only_database_answers_reads_refuses_writes_and_heals(
    nodes: list[Node], browser: Browser, mysql: Mysql, store: Stage
) -> None:
    browser.sign_up(nodes[0])
    before = store.check()["orders"]
    mysql.execute("SET GLOBAL super_read_only = ON")
    try:
        refused = browser.order(nodes[0], "key")
        assert (refused.status, refused.json["error"]) == (503, "database_read_only")
        assert refused.headers["Retry-After"] == "1"
        assert browser.call(nodes[0], "GET", "/api/orders").json == {"orders": []}
        assert nodes[0].get("/healthz/ready").status == 200
    finally:
        mysql.execute("SET GLOBAL read_only = OFF")
    assert browser.order(nodes[0], "key").status == 201
    assert store.check()["orders"] == before + 1


def test_connections_to_a_server_that_takes_no_writes_are_not_kept(
    nodes: list[Node], browser: Browser, mysql: Mysql, store: Stage
) -> None:
    def connections() -> set[int]:
        listed = mysql.execute("SHOW PROCESSLIST")
        return {row["Id"] for row in listed if row["db"] == store.database}

    browser.sign_up(nodes[0])
    mysql.execute("SET GLOBAL super_read_only = ON")
    try:
        before = connections()
        browser.order(nodes[0], "key")
        wait_for("the server to end a connection", lambda: before - connections(), 10)
    finally:
        mysql.execute("SET GLOBAL read_only = OFF")


def test_a_page_tells_a_person_that_the_database_is_away_and_when_to_come_back(
    nodes: list[Node], browser: Browser, mysql: Mysql
) -> None:
    mysql.kill()
    try:
        answer = browser.request(nodes[0], "GET", "/products", None, {"Accept": "text/html"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert "One moment, please" in answer.text
        assert nodes[0].get("/healthz").status == 200
        not_ready = nodes[0].get("/healthz/ready")
        assert (not_ready.status, not_ready.json["status"]) == (503, "not ready")
    finally:
        mysql.start()
    wait_for("the node to be ready again", nodes[0].is_ready)
    assert "Products" in browser.page(nodes[0], "/products")


def test_a_node_starts_before_its_database_and_gets_ready_by_itself(stage: Stage, mysql: Mysql) -> None:
    mysql.stop()
    try:
        node = stage.node()
        wait_for("the node to live", node.answers)
        obstacle = node.get("/healthz/ready")
        assert obstacle.status == 503
        wait_for("the reason", lambda: "connect" in node.get("/healthz/ready").json["reason"])
        assert node.get("/api/products").json["error"] == "database_unavailable"
    finally:
        mysql.start()
    node.wait_ready()
    assert node.get("/api/products").status == 200


def test_a_schema_that_is_not_there_yet_is_waited_for(stage: Stage, mysql: Mysql) -> None:
    node = stage.node(DB_NAME=f"{stage.database}_later")
    wait_for(
        "the reason",
        lambda: node.answers() and "Unknown database" in node.get("/healthz/ready").json["reason"],
    )
    mysql.execute(f"CREATE DATABASE {stage.database}_later")
    try:
        node.wait_ready()
    finally:
        node.stop()
        mysql.execute(f"DROP DATABASE {stage.database}_later")


def test_a_server_that_cannot_prove_who_it_is_is_not_talked_to(stage: Stage, tmp_path: Path) -> None:
    wrong_name = stage.node("wrong-name", DB_HOST="127.0.0.1")
    other_ca = tmp_path / "other.pem"
    other_ca.write_text((stage.mysql.ca.parent / "server.pem").read_text())
    wrong_ca = stage.node("wrong-ca", DB_CA=str(other_ca))
    for node in (wrong_name, wrong_ca):
        wait_for("a refusal", functools.partial(_tells_of_a_certificate, node))
        assert node.get("/healthz/ready").status == 503


def _tells_of_a_certificate(node: Node) -> bool:
    return node.answers() and "certificate" in node.get("/healthz/ready").text.lower()


def test_the_connection_is_encrypted(stage: Stage, mysql: Mysql) -> None:
    stage.node().wait_ready()
    listed = mysql.execute("SHOW STATUS LIKE 'Ssl_accepts'")
    assert int(listed[0]["Value"]) > 0
