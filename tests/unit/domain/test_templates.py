"""The templates that `application.configFiles` names: each is read, and told if it is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pba_simulation.belief import condition, states

from pba_operator.domain.model import ChildId, Cluster, Manifest
from pba_operator.domain.plan import references

TEMPLATES = ChildId("ConfigMap", "templates")
MANAGEMENT = ChildId("Deployment", "shop-management")
TEXT = {"data": {"app.conf": "x"}}


@pytest.fixture
def reader(cluster: Callable[..., Cluster]) -> Cluster:
    """Return a PBACluster with two files, of two ConfigMaps."""
    others = {"path": "/etc/more.conf", "templateRef": {"name": "more", "key": "more.conf"}}
    files = [{"path": "/etc/app.conf", "templateRef": {"name": "templates", "key": "app.conf"}}, others]
    return cluster(application={"configFiles": files})


def told(world: Any, reader: Cluster) -> tuple[str, str]:
    """Return what holds the management node back, as reason and message."""
    status = world.status(reader)
    assert states(status)["Stalled"] == "True"
    management = condition(status, "ManagementReady")
    assert management is not None
    return management["reason"], management["message"]


def test_each_template_is_looked_at_by_kind_and_name(reader: Cluster) -> None:
    assert references(reader.spec) == (ChildId("ConfigMap", "more"), TEMPLATES)


NAMED = "which application.configFiles names for {path}"
MISSING = f'The ConfigMap "{{name}}", {NAMED}, does not exist in this namespace: create it'
KEY_MISSING = f'The ConfigMap "{{name}}" has no text under the key "{{key}}", {NAMED}: add it'


@pytest.mark.parametrize(
    ("live", "reason", "words"),
    [
        (None, "TemplateMissing", MISSING),
        ({"metadata": {"name": "it"}}, "TemplateKeyMissing", KEY_MISSING),
        ({"binaryData": {"app.conf": "eA==", "more.conf": "eA=="}}, "TemplateKeyMissing", KEY_MISSING),
        ({"data": {"other.conf": "x"}}, "TemplateKeyMissing", KEY_MISSING),
    ],
)
@pytest.mark.parametrize(
    ("name", "key", "path"),
    [("templates", "app.conf", "/etc/app.conf"), ("more", "more.conf", "/etc/more.conf")],
)
def test_any_template_without_a_text_holds_the_application_back(
    world: Any,
    reader: Cluster,
    name: str,
    key: str,
    path: str,
    live: Manifest | None,
    reason: str,
    words: str,
) -> None:
    whole = {TEMPLATES: TEXT, ChildId("ConfigMap", "more"): {"data": {"more.conf": "x"}}}
    world.references = {**whole, ChildId("ConfigMap", name): live}
    world.settle(reader)
    assert MANAGEMENT not in world.children
    found, message = told(world, reader)
    assert found == reason
    assert message.startswith(words.format(name=name, key=key, path=path))

    world.references = whole
    world.settle(reader)
    assert MANAGEMENT in world.children
    assert condition(world.status(reader), "Stalled") is None
