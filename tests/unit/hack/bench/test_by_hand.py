"""What is applied by hand: the live objects without what others added, and with what nobody would do otherwise."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pba_hack.bench.operator.by_hand import by_hand

Json = dict[str, Any]


def _data(**texts: str) -> dict[str, str]:
    return {key.replace("_", "."): base64.b64encode(text.encode()).decode() for key, text in texts.items()}


def _live(kind: str, name: str, **rest: Any) -> Json:
    metadata = {
        "name": name,
        "namespace": "here",
        "uid": "1",
        "resourceVersion": "2",
        "ownerReferences": [{"uid": "3"}],
        "managedFields": [{}],
        "annotations": {"pba.dev/desired-hash": "4"},
        "labels": {"pba.dev/cluster": "shop"},
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


def _deployment(role: str, *containers: Json) -> Json:
    spec = {"replicas": 2, "template": {"spec": {"containers": list(containers)}}}
    return _live("Deployment", f"shop-{role}", spec=spec, status={"readyReplicas": 2})


APPLICATION = {
    "name": "application",
    "image": "app:1",
    "env": [{"name": "DB_HOST", "value": "db"}],
    "ports": [],
}
SECRETS = (
    _live("Secret", "shop-mysql-admin", data=_data(init_sql="FIRST;\n")),
    _live("Secret", "shop-mysql-app", data=_data(username="app", password="p-1")),
)


def test_what_servers_and_controllers_added_is_left_out_and_no_operator_looks_at_it() -> None:
    made = by_hand([*SECRETS, _deployment("frontend", {"name": "haproxy", "image": "h"})], "shop", "app")
    deployment = made[-1]
    assert deployment["metadata"] == {
        "name": "shop-frontend",
        "namespace": "here",
        "labels": {"by-hand.example/cluster": "shop"},
    }
    assert "status" not in deployment
    assert "initContainers" not in deployment["spec"]["template"]["spec"]


def test_the_server_makes_the_account_that_the_operator_would_have_made() -> None:
    admin = by_hand(SECRETS, "shop", "books")[0]
    lines = base64.b64decode(admin["data"]["init.sql"]).decode().splitlines()
    assert lines == [
        "FIRST;",
        "CREATE DATABASE IF NOT EXISTS `books`;",
        "CREATE USER IF NOT EXISTS 'app'@'%' IDENTIFIED WITH caching_sha2_password BY 'p-1';",
        "GRANT ALL PRIVILEGES ON `books`.* TO 'app'@'%';",
    ]


@pytest.mark.parametrize("role", ["management", "backend"])
def test_the_application_waits_for_the_database_as_it_would_log_in_itself(role: str) -> None:
    pod = by_hand([*SECRETS, _deployment(role, APPLICATION)], "shop", "app")[-1]["spec"]["template"]["spec"]
    (waiting,) = pod["initContainers"]
    assert waiting["image"] == "app:1"
    assert waiting["env"] == APPLICATION["env"]
    assert "ports" not in waiting
    compile(waiting["command"][-1], "wait", "exec")
    assert pod["containers"] == [APPLICATION]


def test_a_service_asks_for_no_address_of_another_and_a_headless_one_stays_headless() -> None:
    port = {"name": "http", "port": 80, "nodePort": 30001}
    front = _live(
        "Service", "shop", spec={"clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"], "ports": [port]}
    )
    headless = _live("Service", "shop-mysql", spec={"clusterIP": "None", "ports": []})
    made = by_hand([*SECRETS, front, headless], "shop", "app")
    assert made[2]["spec"] == {"ports": [{"name": "http", "port": 80}]}
    assert made[3]["spec"]["clusterIP"] == "None"


def test_what_was_given_is_not_changed_and_a_lacking_secret_is_told() -> None:
    before = str(SECRETS)
    by_hand(SECRETS, "shop", "app")
    assert str(SECRETS) == before
    with pytest.raises(KeyError, match="shop-mysql-app"):
        by_hand(SECRETS[:1], "shop", "app")
