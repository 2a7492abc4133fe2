"""Which maps the API server drops when they are empty, by Kubernetes' own schemas: one forgotten is drift for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pba_api.schema.kubernetes import PATH as KUBERNETES_SCHEMAS
from pba_operator.domain.drift import differs, stamp


def _maps(schema: Any, name: str = "") -> Iterator[str]:
    """Yield the names of the fields of Kubernetes' own shapes that are maps."""
    if isinstance(schema, dict):
        if "additionalProperties" in schema:
            yield name
        for key, inner in schema.items():
            yield from _maps(inner, name if key in ("items", "properties") else key)


def test_every_map_that_the_server_drops_when_empty_is_known() -> None:
    found = set(_maps(json.loads(KUBERNETES_SCHEMAS.read_text())["types"]))
    assert "volumeAttributes" in found
    for name in found:
        wanted = stamp({"kind": "Pod", "metadata": {"name": "a"}, "spec": {name: {}}})
        assert not differs({**wanted, "spec": {}}, wanted), name
