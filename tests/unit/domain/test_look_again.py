"""How soon what the user must provide is looked at again: no watch tells of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_operator.domain.model import ChildId, Cluster, Manifest
from pba_operator.domain.plan import LOOK_AGAIN_SECONDS, REFERENCES_SECONDS, plan

FILES: Manifest = {
    "configFiles": [{"path": "/etc/app.conf", "templateRef": {"name": "texts", "key": "app.conf"}}]
}
VOLUMES: Manifest = {
    "volumes": [{"name": "logo", "configMap": {"name": "texts", "items": [{"key": "app.conf", "path": "a"}]}}]
}


@pytest.mark.parametrize("application", [FILES, VOLUMES], ids=["template", "volume"])
@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        (None, LOOK_AGAIN_SECONDS),
        ({"data": {"another": "x"}}, LOOK_AGAIN_SECONDS),
        ({"data": {"app.conf": "x"}}, None),
    ],
    ids=["missing", "without its key", "whole"],
)
def test_what_the_user_must_provide_is_looked_at_sooner_while_it_is_not_whole(
    world: Any,
    cluster: Callable[..., Cluster],
    sync: Any,
    application: Manifest,
    found: Manifest | None,
    seconds: float | None,
) -> None:
    world.references = {ChildId("ConfigMap", "texts"): found}
    decided = plan(cluster(application=application), world.observed, sync)
    assert decided.requeue_after == seconds
    assert decided.references_after == REFERENCES_SECONDS
