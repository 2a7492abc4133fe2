"""Edits of the spec roll out; a field that is removed goes from the child; `paused` writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pba_nodes import operators

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]

pytestmark = pytest.mark.usefixtures("restored")

_STATUS = ("pbaclusters", "status")


def _environment(kubectl: Kubectl, deployment: str) -> dict[str, str]:
    found = kubectl.get("deployment", deployment)
    assert found is not None
    container = found["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def _has_colour(kubectl: Kubectl, deployment: str, colour: str | None) -> bool:
    return _environment(kubectl, deployment).get("SHOP_COLOUR") == colour


def test_an_edit_rolls_out_and_its_removal_too(shop: Kubectl) -> None:
    entry = [{"name": "SHOP_COLOUR", "value": "green"}]
    shop.patch("pbacluster", "shop", {"op": "add", "path": "/spec/application/env", "value": entry})
    for deployment in ("shop-backend", "shop-management"):
        wait_for(
            f"the variable in {deployment}",
            partial(_has_colour, shop, deployment, "green"),
        )
    shop.wait_ready("shop")
    shop.patch("pbacluster", "shop", {"op": "remove", "path": "/spec/application/env"})
    for deployment in ("shop-backend", "shop-management"):
        wait_for(
            f"no variable in {deployment}",
            partial(_has_colour, shop, deployment, None),
        )
    shop.wait_ready("shop")


def test_metadata_for_children_comes_and_goes(shop: Kubectl) -> None:
    def labels() -> Json:
        found = shop.get("service", "shop")
        assert found is not None
        return dict(found["metadata"]["labels"])

    shop.patch(
        "pbacluster",
        "shop",
        {"op": "add", "path": "/spec/childMetadata", "value": {"labels": {"team": "billing"}}},
    )
    wait_for("the label on the Service", lambda: labels().get("team") == "billing")
    shop.patch("pbacluster", "shop", {"op": "remove", "path": "/spec/childMetadata"})
    wait_for("the label gone from the Service", lambda: "team" not in labels())
    shop.wait_ready("shop")


def test_paused_writes_nothing_but_status(shop: Kubectl) -> None:
    shop.patch("pbacluster", "shop", {"op": "add", "path": "/spec/paused", "value": True})
    wait_for("the condition Paused", lambda: shop.condition("shop", "Paused"))
    log = operators.audit_log()
    shop("delete", "service", "shop-mysql-primary")
    shop.patch("pbacluster", "shop", {"op": "add", "path": "/spec/backend/replicas", "value": 3})

    def told() -> bool:
        entry = shop.condition("shop", "BackendReady")
        return entry is not None and entry["reason"] == "Paused"

    wait_for("the status to tell what is pending", told)
    deployment = shop.get("deployment", "shop-backend")
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 2
    assert shop.get("service", "shop-mysql-primary") is None
    written = [write for write in operators.writes(log) if write.namespace == shop.namespace]
    of_status = [write for write in written if (write.resource, write.subresource) == _STATUS]
    events = [write for write in written if write.resource == "events"]
    assert of_status, "the audit log does not show what the operator writes"
    assert len(written) == len(of_status) + len(events), written
    shop.patch(
        "pbacluster",
        "shop",
        {"op": "add", "path": "/spec/backend/replicas", "value": 2},
        {"op": "add", "path": "/spec/paused", "value": False},
    )
    wait_for("the deleted Service again", lambda: shop.get("service", "shop-mysql-primary"))
    shop.wait_ready("shop")


def test_files_are_rendered_from_templates(
    operator: Kubectl, namespace: Kubectl, manifest: Callable[..., Json]
) -> None:
    del operator
    template = "host=${host}\nuser=${user}\nprice=$5 ${unknown}\n"
    namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "templates"},
            "data": {"db.conf": template},
        },
        manifest(
            "files",
            cluster=False,
            application={
                "configFiles": [
                    {"path": "/etc/app/db.conf", "templateRef": {"name": "templates", "key": "db.conf"}}
                ]
            },
        ),
    )
    namespace.wait_ready("files")
    text = namespace("exec", "deployment/files-management", "--", "cat", "/etc/app/db.conf")
    host = f"files-mysql-primary.{namespace.namespace}.svc"
    assert text == f"host={host}\nuser=app\nprice=$5 ${{unknown}}\n"
