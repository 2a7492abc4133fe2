"""What somebody who has no operator would apply: the operator's own final objects, made to come up by themselves.

Pure. Two things must be added, since nobody is there who does one after another: mysqld makes the application's schema
and account when it starts, and pods of the application wait for them in an init container.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Sequence
from typing import Any, Final

from pba_api.identity import GROUP
from pba_operator.domain import secret_keys

Json = dict[str, Any]

KINDS: Final = (
    "secret",
    "configmap",
    "serviceaccount",
    "role",
    "rolebinding",
    "service",
    "poddisruptionbudget",
    "networkpolicy",
    "statefulset",
    "deployment",
)
"""Of the children; what controllers make of them is theirs."""
LABELS: Final = "by-hand.example"
"""Instead of ours, so that no operator looks at these objects."""
WAIT_SECONDS: Final = 0.2
"""Between two attempts of an init container to log in."""

_WAITING_ROLES: Final = ("management", "backend")
_SERVER_SIDE: Final = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "uid",
)
_WAIT: Final = f"""\
import os, time, pymysql
while True:
    try:
        pymysql.connect(host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]), user=os.environ["DB_USER"],
                        password=os.environ["DB_PASSWORD"], database=os.environ["DB_NAME"],
                        ssl_ca=os.environ["DB_CA"], connect_timeout=2)
        break
    except pymysql.MySQLError:
        time.sleep({WAIT_SECONDS})
"""


def by_hand(children: Sequence[Json], name: str, schema: str) -> list[Json]:
    """Return what is to be applied.

    Args:
        children: the live objects of `KINDS` of one PBACluster that is Ready.
        name: of the PBACluster.
        schema: of the application.

    Raises:
        KeyError: the application's or the administrator's Secret is not among them.
    """
    whole = [_bare(child) for child in children]
    by_name = {(child["kind"], child["metadata"]["name"]): child for child in whole}
    _add_account(by_name["Secret", f"{name}-mysql-admin"], by_name["Secret", f"{name}-mysql-app"], schema)
    for role in _WAITING_ROLES:
        if deployment := by_name.get(("Deployment", f"{name}-{role}")):
            _add_waiting(deployment["spec"]["template"]["spec"])
    relabelled: list[Json] = json.loads(json.dumps(whole).replace(f'"{GROUP}/', f'"{LABELS}/'))
    return relabelled


def _bare(live: Json) -> Json:
    """Return an object without what the API server and the controllers have added."""
    bare = copy.deepcopy(live)
    bare.pop("status", None)
    for field in _SERVER_SIDE:
        bare["metadata"].pop(field, None)
    bare["metadata"].pop("annotations", None)
    if bare["kind"] == "Service" and bare["spec"].get("clusterIP") != "None":
        for field in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
            bare["spec"].pop(field, None)
        for port in bare["spec"]["ports"]:
            port.pop("nodePort", None)
    return bare


def _add_account(admin: Json, application: Json, schema: str) -> None:
    user, password = (
        base64.b64decode(application["data"][key]).decode()
        for key in (secret_keys.USERNAME, secret_keys.PASSWORD)
    )
    statements = (
        f"CREATE DATABASE IF NOT EXISTS `{schema}`;",
        f"CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED WITH caching_sha2_password BY '{password}';",
        f"GRANT ALL PRIVILEGES ON `{schema}`.* TO '{user}'@'%';",
    )
    before = base64.b64decode(admin["data"][secret_keys.ADMIN_SQL]).decode()
    whole = before + "".join(f"{statement}\n" for statement in statements)
    admin["data"][secret_keys.ADMIN_SQL] = base64.b64encode(whole.encode()).decode()


def _add_waiting(pod: Json) -> None:
    (application,) = [container for container in pod["containers"] if "env" in container]
    kept = ("image", "imagePullPolicy", "env", "volumeMounts", "securityContext")
    waiting = {key: application[key] for key in kept if key in application}
    command = {"name": "wait-for-database", "command": ["python3", "-c", _WAIT]}
    pod["initContainers"] = [*pod.get("initContainers", ()), {**waiting, **command}]
