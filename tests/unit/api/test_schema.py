import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from pba_api.fields import fields_of, json_name
from pba_api.markers import Default, Doc, Items, Number, Required, Text
from pba_api.schema.crd import custom_resource_definition
from pba_api.schema.structural import IncompleteTypeError, object_schema
from pba_api.types import PBACluster

LAST_APPLIED_LIMIT = 262144
"""Bytes of annotations: what client-side `kubectl apply` can keep of an object."""


def schemas(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from schemas(field, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from schemas(schema[inner], f"{path}[]")


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    return object_schema(PBACluster)


def test_every_field_is_described(root: dict[str, Any]) -> None:
    fields = [(path, schema) for path, schema in schemas(root) if path and not path.endswith("[]")]
    assert len(fields) > 300
    assert [path for path, schema in fields if len(schema.get("description", "")) < 10] == []


def test_every_string_list_and_map_has_bounds(root: dict[str, Any]) -> None:
    def unbounded(schema: Mapping[str, Any]) -> bool:
        if schema.get("type") == "array":
            return "maxItems" not in schema
        if "additionalProperties" in schema:
            return "maxProperties" not in schema
        if schema.get("type") == "string" or schema.get("x-kubernetes-int-or-string"):
            return not schema.keys() & {"maxLength", "enum"}
        return False

    assert [path for path, schema in schemas(root) if unbounded(schema)] == []


def test_every_integer_of_the_spec_has_bounds_that_fit_its_type(root: dict[str, Any]) -> None:
    """2^32 would come out as 0 in Kubernetes' own integers of 32 bits."""
    integers = [
        (path, schema)
        for path, schema in schemas(root)
        if schema.get("type") == "integer" and path.startswith(".spec")
    ]
    assert len(integers) > 50
    assert [path for path, schema in integers if not {"minimum", "maximum"} <= schema.keys()] == []
    greatest = {path: schema["maximum"] for path, schema in integers if schema.get("format") != "int64"}
    assert [path for path, maximum in greatest.items() if maximum >= 2**31] == []


def test_no_field_of_kubernetes_is_one_that_its_older_servers_drop(root: dict[str, Any]) -> None:
    """What is dropped silently looks like drift for ever, and does not act."""
    paths = [path for path, _ in schemas(root) if path.startswith(".spec")]
    younger = re.compile(
        r"(.volumes\[\].image|.(fileKeyRef|procMount|recursiveReadOnly|seLinuxChangePolicy|claims|podCertificate)"
        r"|.(supplementalGroupsPolicy|clusterTrustBundle|mismatchLabelKeys|volumeAttributesClassName)"
        r"|.dataSourceRef.namespace|[aA]ffinity.*.matchLabelKeys)$"
    )
    assert [path for path in paths if younger.search(path)] == []


def test_tolerations_compare_no_numbers(root: dict[str, Any]) -> None:
    """Gt and Lt are of Kubernetes 1.35; before, the whole pod is refused."""
    found = [schema for path, schema in schemas(root) if path.endswith(".tolerations[].operator")]
    assert [schema["enum"] for schema in found] == [["Equal", "Exists"]] * 4


def test_every_list_says_how_two_appliers_merge(root: dict[str, Any]) -> None:
    own = [(path, schema) for path, schema in schemas(root) if schema.get("type") == "array"]
    assert [
        path for path, schema in own if path.count(".") < 4 and "x-kubernetes-list-type" not in schema
    ] == []


def test_no_field_of_kubernetes_is_one_that_hands_out_the_machine(root: dict[str, Any]) -> None:
    volumes = root["properties"]["spec"]["properties"]["application"]["properties"]["volumes"]
    assert "hostPath" not in volumes["items"]["properties"]


def test_crd_is_small_enough_for_client_side_apply() -> None:
    assert len(json.dumps(custom_resource_definition()).encode()) < LAST_APPLIED_LIMIT


@pytest.mark.parametrize(
    ("name", "expected"),
    [("env_from", "envFrom"), ("image", "image"), ("drain_timeout_seconds", "drainTimeoutSeconds")],
)
def test_names_in_json(name: str, expected: str) -> None:
    assert json_name(name) == expected


@dataclass(frozen=True)
class Inner:
    size: Annotated[int, Doc("How great it is."), Default(1), Number(0, 10)]
    word: Annotated[str, Doc("What it says."), Required(), Text(max_length=5, pattern="^a")]


@dataclass(frozen=True)
class Outer:
    inner: Annotated[Inner, Doc("The thing."), Default({"size": 7})]
    words: Annotated[
        tuple[Annotated[str, Text(max_length=3)], ...], Doc("Some words."), Items(4, unique=True)
    ]


def test_schema_of_a_type() -> None:
    assert object_schema(Outer) == {
        "type": "object",
        "properties": {
            "inner": {
                "description": "The thing.",
                "default": {},
                "type": "object",
                "properties": {
                    "size": {
                        "description": "How great it is.",
                        "default": 7,
                        "type": "integer",
                        "format": "int32",
                        "minimum": 0,
                        "maximum": 10,
                    },
                    "word": {
                        "description": "What it says.",
                        "type": "string",
                        "maxLength": 5,
                        "pattern": "^a",
                    },
                },
                "required": ["word"],
            },
            "words": {
                "description": "Some words.",
                "type": "array",
                "maxItems": 4,
                "x-kubernetes-list-type": "set",
                "items": {"type": "string", "maxLength": 3},
            },
        },
    }


@pytest.mark.parametrize(
    ("annotation", "lack"),
    [
        (Annotated[str, Text(max_length=1)], "no Doc"),
        (Annotated[str, Doc("x")], "no Text"),
        (Annotated[str, Doc("x"), Text(pattern="^a$")], "no greatest length"),
        (Annotated[int, Doc("x")], "no Number"),
        (Annotated[tuple[str, ...], Doc("x")], "no Items"),
        (Annotated[Mapping[str, str], Doc("x")], "no Entries"),
        (Annotated[float, Doc("x")], "which no schema stands for"),
    ],
)
def test_field_that_lacks_something_is_an_error_when_files_are_generated(annotation: Any, lack: str) -> None:
    lacking: type[Any] = dataclass(frozen=True)(
        type("Lacking", (), {"__annotations__": {"field": annotation}})
    )
    with pytest.raises(IncompleteTypeError, match=lack):
        object_schema(lacking)


def test_every_field_without_a_value_of_its_own_says_so() -> None:
    def visit(cls: Any) -> Iterator[str]:
        for field in fields_of(cls):
            shape = field.shape
            inner = shape.items if shape.items is not None else shape
            if inner.is_object:
                yield from visit(inner.type)
            if field.required or field.default or shape.optional:
                continue
            if shape.is_object or shape.type in (bool, int):
                yield f"{cls.__name__}.{field.name}"

    spec = next(field.shape.type for field in fields_of(PBACluster) if field.name == "spec")
    assert list(visit(spec)) == []
