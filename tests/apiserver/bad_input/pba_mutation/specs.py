"""Small specs to be wrong in one place."""

from __future__ import annotations

from typing import Any

APPLICATION = {"image": "registry.example/shop:1"}
DATABASE = {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}}
BACKEND = {"frontend": {"image": "haproxy:3.0.11"}}


def application(**fields: Any) -> dict[str, Any]:
    return {"application": {**APPLICATION, **fields}, "database": DATABASE}


def database(**fields: Any) -> dict[str, Any]:
    return {"application": APPLICATION, "database": {**DATABASE, **fields}}


def spec(**fields: Any) -> dict[str, Any]:
    return {"application": APPLICATION, "database": DATABASE, **fields}


def rollout(**fields: Any) -> dict[str, Any]:
    return spec(backend={"rollout": fields}, frontend={"image": "haproxy:3.0.11"})


def external(*nodes: dict[str, Any]) -> dict[str, Any]:
    return spec(backend={"external": list(nodes)}, frontend={"image": "haproxy:3.0.11"})


def pod(**fields: Any) -> dict[str, Any]:
    return spec(management={"pod": fields})


EMPTY_DIR = {"name": "scratch", "emptyDir": {}}
TEMPLATE = {"name": "templates", "key": "app.conf"}
NODE = {"name": "old", "host": "old.example", "port": 80}
