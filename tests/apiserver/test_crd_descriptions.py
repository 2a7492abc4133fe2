"""`kubectl explain` has something to say about every field: it prints what the API server publishes here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pba_api.schema.kubernetes import PATH as KUBERNETES_SCHEMAS
from pba_hack.apiserver import ApiServer
from pba_hack.checkout import CHECKOUT
from pba_hack.generate import kubernetes, merging


def fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field.get("description", "")
        yield from fields(field, f"{path}.{name}")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from fields(inner, f"{path}[]")


def test_every_field_is_explained(api_server: ApiServer, crd: str) -> None:  # noqa: ARG001 - must be installed
    document = api_server.request("GET", "/openapi/v3/apis/pba.dev/v1alpha1").body
    schema = document["components"]["schemas"]["dev.pba.v1alpha1.PBACluster"]
    found = dict(fields({"properties": {"spec": schema["properties"]["spec"]}}, ""))
    found |= dict(fields({"properties": {"status": schema["properties"]["status"]}}, ""))
    assert len(found) > 300
    assert [path for path, text in found.items() if not text.strip()] == []


@pytest.mark.parametrize("file", [KUBERNETES_SCHEMAS, CHECKOUT / merging.PATH], ids=lambda path: path.name)
def test_stored_schemas_are_those_of_this_kubernetes(api_server: ApiServer, file: Path) -> None:
    stored = json.loads(file.read_text())
    version = api_server.request("GET", "/version").body["gitVersion"]
    if stored.pop("kubernetesVersion") != version:
        of_another = json.loads(file.read_text())["kubernetesVersion"]
        assert of_another.split(".")[:2] == version.split(".")[:2], "run hack/generate kubernetes"
    elif file == KUBERNETES_SCHEMAS:
        assert stored == {"types": kubernetes.schemas(lambda path: api_server.request("GET", path).body)}
    else:
        assert stored == merging.schemas(lambda path: api_server.request("GET", path).body)
