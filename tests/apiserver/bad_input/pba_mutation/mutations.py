"""The ways in which each place of the schema is changed, by kind, with an identifier that stays.

Three families: what the type forbids (another type, out of bounds, too long, too many, null, empty), what looks
right and may break something further on (line breaks, quotes, comments, directives of my.cnf and haproxy.cfg,
shell words, paths that lead out, other alphabets, zero bytes), and every good value that the schema lists.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pba_mutation.examples import concrete, example, key_of, spec_with
from pba_mutation.schema import ITEM, VALUE, Node, at, is_borrowed, is_twin, nodes

HOSTILE: Final[Mapping[str, str]] = {
    "quotes": "a'b\"c`d",
    "comment": "a#b;c--d/*e",
    "backslash": "a\\",
    "directives": "!include /etc/passwd %include /etc/passwd [mysqld]",
    "shell words": "$(reboot) `reboot` ${HOME} $HOME; reboot | reboot & reboot > /tmp/x",
    "option": "--defaults-file=/tmp/x",
    "path that leads out": "../../../../etc/passwd",
    "absolute path that leads out": "/var/lib/../../etc/passwd",
    "spaces around": " a ",
    "tab": "a\tb",
    "line break": "a\nskip-grant-tables\n!include /etc/passwd\nfrontend evil",
    "carriage return": "a\rb",
    "zero byte": "a\0b",
    "other alphabets": "ключ-鍵-💥",
    "right to left": "a\u202eb\u2028c\u00a0d\ufeff",
    "markup": "<b>&amp;{{ .Values.x }}%s%n%%",
    "dots": "a..b",
    "capital letters": "Example",
}
"""Texts that must stay what they are, wherever they come out."""

_ENOUGH: Final = frozenset(
    {
        "dots",
        "line break",
        "other alphabets",
        "path that leads out",
        "shell words",
        "spaces around",
        "zero byte",
    }
)
"""Of these, what is tried in the shapes of Kubernetes' own, which are many."""
_WHOLE: Final = frozenset(
    {"absolute path that leads out", "capital letters", "option", "path that leads out", "spaces around"}
)
"""What is tried as it is; the others stand behind a good value where only a text of some form may stand."""

_OTHER_TYPES: Final[Mapping[str, Any]] = {
    "a string": "example",
    "a number": 7,
    "a fraction": 1.5,
    "a boolean": True,
    "a list": [],
    "an object": {},
}
_TYPE_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"a string"}),
    "enum": frozenset({"a string"}),
    "integer": frozenset({"a number"}),
    "int-or-string": frozenset({"a string", "a number"}),
    "boolean": frozenset({"a boolean"}),
    "array": frozenset({"a list"}),
    "object": frozenset({"an object"}),
    "map": frozenset({"an object"}),
}
_NUMBERS: Final[Mapping[str, int]] = {
    "zero": 0,
    "negative": -1,
    "beyond 16 bits": 2**16,
    "beyond 31 bits": 2**31,
    "beyond 32 bits": 2**32,
    "beyond 64 bits": 2**64,
}
_QUANTITIES: Final[Mapping[str, Any]] = {
    "zero": 0,
    "negative": -1,
    "a great number": 2**40,
    "negative quantity": "-1Gi",
    "zero with a unit": "0Gi",
    "thousandth": "1m",
    "fraction of a unit": "0.5Gi",
    "other spelling": "1024Mi",
    "exponent": "1e3",
    "beyond all bounds": "1e99",
    "largest unit": "8E",
    "no quantity": "1 GB",
    "percentage": "50%",
    "more than all": "101%",
}
_KEYS: Final[Mapping[str, str]] = {
    "reserved": "pba.dev/cluster",
    "managed by Kubernetes": "kubernetes.io/example",
    "of a controller": "deployment.kubernetes.io/revision",
    "two slashes": "a/b/c",
    "no name": "example.com/",
    "no prefix": "/example",
    "prefix with two dots": "a..b/example",
    "too long": "a" * 64,
    "prefix too long": f"{'a.' * 127}/example",
}
_HUGE: Final = 100_000


@dataclass(frozen=True)
class Mutation:
    """One change of one place."""

    node: Node
    kind: str
    value: Any

    @property
    def id(self) -> str:
        return f"{self.node}: {self.kind}"

    @property
    def where(self) -> str:
        """The place as the API server names it."""
        return concrete(self.node.path)

    def spec(self) -> dict[str, Any]:
        """Return a whole spec that is good but for this."""
        return spec_with(self.node.path, copy.deepcopy(self.value))


@cache
def mutations() -> tuple[Mutation, ...]:
    """Return all mutations of all places."""
    return tuple(Mutation(node, kind, value) for node in nodes() for kind, value in _of(node))


def _of(node: Node) -> Iterator[tuple[str, Any]]:
    yield "good", example(node)
    others = [(name, value) for name, value in _OTHER_TYPES.items() if name not in _TYPE_NAMES[node.kind]]
    if is_twin(node):
        yield others[0]
        return
    yield "null", None
    yield from others
    match node.kind:
        case "string":
            yield from _texts(node)
        case "enum":
            yield from _choices(node)
        case "integer":
            yield from _numbers(node)
        case "int-or-string":
            yield from _QUANTITIES.items()
            yield from _texts(node)
        case "boolean":
            yield "false", False
        case "array":
            yield from _lists(node)
        case "map":
            yield from _maps(node)
        case "object":
            yield "empty", {}
            yield "unknown field", {**_object(node), "unknownField": 1}


def _texts(node: Node) -> Iterator[tuple[str, str]]:
    longest = node.schema["maxLength"]
    yield "empty", ""
    yield "longest", "a" * longest
    yield "too long", "a" * (longest + 1)
    yield "longest of wide letters", "💥" * longest
    if not is_borrowed(node):
        yield "huge", "a" * _HUGE
    if node.path[-1] == "size":
        yield from ((name, str(value)) for name, value in _QUANTITIES.items())
    yield from _hostile(node)


def _hostile(node: Node) -> Iterator[tuple[str, str]]:
    begin = str(example(node)) if "pattern" in node.schema and node.kind == "string" else ""
    for name, text in HOSTILE.items():
        if name in _ENOUGH or not is_borrowed(node):
            yield name, text if name in _WHOLE else f"{begin}{text}"


def _choices(node: Node) -> Iterator[tuple[str, str]]:
    yield "empty", ""
    yield "no such choice", "Sometimes"
    yield "other case", node.schema["enum"][0].swapcase()
    yield "with a space", f"{node.schema['enum'][0]} "
    yield from ((f"choice {choice}", choice) for choice in node.schema["enum"])


def _numbers(node: Node) -> Iterator[tuple[str, Any]]:
    yield "the number as a string", str(example(node))
    yield from _NUMBERS.items()
    if "minimum" in node.schema:
        yield "least", node.schema["minimum"]
        yield "less than least", node.schema["minimum"] - 1
    if "maximum" in node.schema:
        yield "greatest", node.schema["maximum"]
        yield "more than greatest", node.schema["maximum"] + 1


def _lists(node: Node) -> Iterator[tuple[str, Any]]:
    item = example(at((*node.path, ITEM)))
    most = node.schema["maxItems"]
    yield "empty", []
    yield "twice the same", [item, item]
    yield "null in it", [None]
    yield "list in it", [[]]
    yield "most", [_numbered(item, number) for number in range(most)]
    yield "too many", [_numbered(item, number) for number in range(most + 1)]


def _numbered(item: Any, number: int) -> Any:
    """Return an item that differs from its like in what tells items apart."""
    if isinstance(item, str):
        return f"{item}{number}"
    if isinstance(item, dict):
        return {
            name: _numbered(value, number) if isinstance(value, str) else value
            for name, value in item.items()
        }
    return item


def _maps(node: Node) -> Iterator[tuple[str, Any]]:
    value = example(at((*node.path, VALUE)))
    texts = {name: text for name, text in HOSTILE.items() if name in _ENOUGH or not is_borrowed(node)}
    most = node.schema["maxProperties"]
    key = key_of(node.path)
    yield "empty", {}
    yield "null in it", {key: None}
    yield "map in it", {key: {}}
    yield "most", {f"{key}{number}": value for number in range(most)}
    yield "too many", {f"{key}{number}": value for number in range(most + 1)}
    yield "empty key", {"": value}
    yield from ((f"key {name}", {text: value}) for name, text in (*texts.items(), *_KEYS.items()))


def _object(node: Node) -> dict[str, Any]:
    found = example(node)
    return found if isinstance(found, dict) else {}
