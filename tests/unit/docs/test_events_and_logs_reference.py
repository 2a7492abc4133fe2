"""docs/reference/events-and-logs.md names every log line and every field of the balancer's, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pba_operator.domain.frontend import haproxy_cfg

Table = Callable[[str, str], list[list[str]]]
_LOGGED_LATER = {
    "Looks": {"problem": "warning", "fault": "error", "again": "info"},
    "Lasting": {"begins": "warning", "ends": "info"},
}
"""The levels of what these log, by the names of their arguments."""
LEVELS = {"info", "warning", "error", "exception", "critical"}


def _fields(call: ast.Call) -> tuple[str, ...]:
    extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
    keys = extra.keys if isinstance(extra, ast.Dict) else []
    return tuple(str(key.value) for key in keys if isinstance(key, ast.Constant))


def _lines(package: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the level and the fields of each message that is a text of our own, by that text."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            levels = _LOGGED_LATER.get(ast.unparse(node.func), {})
            found |= {
                ast.literal_eval(word.value): (levels[word.arg], ())
                for word in node.keywords
                if word.arg in levels and ast.literal_eval(word.value) != "%s"
            }
            if not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in LEVELS and ast.unparse(node.func.value) in ("logger", "_LOG"):
                text = node.args[0]
                assert isinstance(text, ast.Constant), ast.unparse(node)
                message = str(text.value)
                level = {"exception": "error"}.get(node.func.attr, node.func.attr)
                if message != "%s":
                    found[message] = (level, _fields(node))
    assert found
    return found


@pytest.mark.parametrize(("heading", "package"), [("Operator", "pba_operator"), ("Sidecar", "pba_sync")])
def test_every_log_line_is_told(
    heading: str, package: str, table: Table, code_in: Callable[[str], list[str]], operator_sources: Path
) -> None:
    written = {
        code_in(message)[0]: (level, tuple(code_in(fields)))
        for message, level, fields, *_ in table("events-and-logs", heading)
    }
    assert written == _lines(operator_sources / package)


def test_every_field_of_the_balancers_line_is_told(table: Table, code_in: Callable[[str], list[str]]) -> None:
    written = [code_in(row[0])[0] for row in table("events-and-logs", "HAProxy")]
    assert written == re.findall(r"%\((\w+)\)", haproxy_cfg._LOG)
