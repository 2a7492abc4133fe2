"""The tables in `drift` say of lists and maps what Kubernetes says, for all that the operator applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pba_simulation import merging
from pba_simulation.merging import Schema

from pba_api.types.application import VOLUME_KINDS
from pba_operator.domain import drift
from pba_operator.kube.kinds import CHILDREN

NOT_APPLIED = frozenset({"status", "ephemeralContainers"})
"""Fields that are for others to write."""


def fields(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Yield all fields that matter, by their paths."""
    resolved = merging.resolved(schema)
    for name, part in resolved.get("properties", {}).items():
        if name in NOT_APPLIED or (path.endswith("volumes[]") and name not in VOLUME_KINDS):
            continue
        yield f"{path}.{name}", part
        yield from fields(part, f"{path}.{name}")
    if "items" in resolved:
        yield f"{path}[]", resolved["items"]
        yield from fields(resolved["items"], f"{path}[]")


def everything() -> list[Any]:
    found = dict(
        entry
        for kind in CHILDREN
        if kind.name != "Pod"
        for entry in fields(merging.kinds()[kind.name], kind.name)
    )
    assert len(found) > 150
    return [pytest.param(path.rpartition(".")[2], schema, id=path) for path, schema in found.items()]


@pytest.mark.parametrize(("name", "schema"), everything())
def test_a_field_is_compared_as_kubernetes_merges_it(name: str, schema: Schema) -> None:
    keys = merging.keys(schema)
    if keys is not None:
        item = {key: "x" for key, _ in keys}
        assert drift._keys_of([item], name) == tuple(key for key, _ in keys)
        assert [drift._KEY_DEFAULTS.get(key) for key, _ in keys] == [default for _, default in keys]
    assert (name in drift._SETS) == merging.is_set(schema)
    if not name.endswith("[]"):
        assert (name in drift._ATOMIC_MAPS) == merging.is_one_value(schema)


def test_the_tables_say_nothing_beside_it() -> None:
    known = {parameter.values[0] for parameter in everything()}
    assert set(drift._LIST_KEYS) - known == set()
    within_what_is_one_value = {"matchLabels", "namespaceSelector"}
    assert set(drift._ATOMIC_MAPS) - known == within_what_is_one_value
