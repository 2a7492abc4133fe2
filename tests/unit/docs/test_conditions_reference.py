"""docs/reference/conditions.md names every reason that the code can set, and no other."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pba_api.conditions import ConditionType
from pba_operator.domain import pods
from pba_operator.engine.progress import CANNOT_GENERATE
from pba_operator.kube import errors

Table = Callable[[str, str], list[list[str]]]

ARGUMENT = {"Problem": 1, "condition": 1, "Failure": 1}
"""Who takes a reason, and as which of its arguments."""
PASSED_ON = {
    "worst",
    "worst[0].reason",
    "stalled[0].reason",
    "broken[0]['reason']",
    "failure.reason",
    "failures[0].reason",
    "error.reason",
}
"""Reasons that were collected where they came from."""
NAMED = {"reason": pods._CONFIGURATION_REASONS, "CANNOT_GENERATE": {CANNOT_GENERATE}}
"""Reasons that are one of a table's."""


def _reasons(expression: ast.expr) -> set[str]:
    match expression:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp():
            return _reasons(expression.body) | _reasons(expression.orelse)
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
            return _reasons(default)
    text = ast.unparse(expression)
    if text in PASSED_ON:
        return set()
    assert text in NAMED, f"a reason comes from {text}: this test does not know what that can be"
    return set(NAMED[text])


def _stalls(call: ast.Call) -> set[bool]:
    """Return what `stalled` can be."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "stalled"), None)
    match given:
        case None:
            return {False}
        case ast.Constant(value=bool(value)):
            return {value}
    return {True, False}


def _calls(folder: Path) -> Iterator[tuple[str, ast.expr, ast.Call]]:
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name not in ARGUMENT:
                continue
            by_name = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
            yield name, (by_name or node.args[ARGUMENT[name] :])[0], node


def _refusals() -> set[str]:
    """Return the names that errors of the API server have where it gives no reason of its own."""
    found, todo = {errors.ServerError.__name__}, [errors.Refused]
    while todo:
        kind = todo.pop()
        found.add(kind.__name__)
        todo.extend(kind.__subclasses__())
    return found


def _set_by_the_code(sources: Path) -> dict[str, set[bool]]:
    found: dict[str, set[bool]] = defaultdict(set)
    for name, expression, call in _calls(sources / "pba_operator"):
        stalls = {"Problem": _stalls(call), "condition": set(), "Failure": {True}}[name]
        for reason in _reasons(expression):
            found[reason] |= stalls
    for reason in _refusals():
        found[reason] |= {True}
    return found


def test_every_reason_is_told_with_whether_it_stalls(
    table: Table, code_in: Callable[[str], list[str]], operator_sources: Path
) -> None:
    wanted = _set_by_the_code(operator_sources)
    assert len(wanted) > 40
    written: dict[str, Any] = {}
    for reason, stalls, *_ in table("conditions", "Reasons"):
        (name,) = code_in(reason)
        assert name not in written, f"{name} stands there twice"
        written[name] = stalls
    assert sorted(written) == sorted(wanted)
    words = {frozenset({True}): "yes", frozenset({False}): "no", frozenset({True, False}): "sometimes"}
    for name, found in wanted.items():
        if found:
            assert written[name] == words[frozenset(found)], name


def test_every_type_is_told(table: Table, code_in: Callable[[str], list[str]]) -> None:
    written = [code_in(row[0])[0] for row in table("conditions", "Types")]
    assert sorted(written) == sorted(ConditionType)
