"""docs/explanation/bug-classes.md: every test that it names is there, and no class is left out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "explanation" / "bug-classes.md"
_ROW = re.compile(r"^\| (\d+)\. ([^|]+) \| ([^|]+) \| ([^|]*) \| ([^|]*)\|$", re.MULTILINE)
_NAMED = re.compile(r"`(tests/[^`]*)`")
CLASSES = 17


@cache
def _tests(path: str) -> frozenset[str]:
    """Return the names of the tests of a file."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, functions) and node.name.startswith("test_")
    )


def _named(text: str) -> list[str]:
    return [name for name in _NAMED.findall(text) if name != "tests/unit/docs/test_bug_classes.py"]


ROWS = _ROW.findall(PAGE.read_text("utf-8"))


def test_every_class_has_its_row_and_tests_or_says_that_it_has_none() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, CLASSES + 1))
    for number, _name, _here, shown, missing in ROWS:
        assert _named(shown) or "no test" in missing, number


def test_every_name_is_seen() -> None:
    """A name in a form that this test does not read would be checked by nobody."""
    in_rows = [name for *_, shown, _missing in ROWS for name in _named(shown)]
    assert sorted(in_rows) == sorted(_named(PAGE.read_text("utf-8")))
    assert all("::" in name for name in in_rows)


@pytest.mark.parametrize("name", sorted(set(_named(PAGE.read_text("utf-8")))))
def test_every_test_that_is_named_is_there(name: str) -> None:
    path, _, test = name.partition("::")
    assert test in _tests(path)
