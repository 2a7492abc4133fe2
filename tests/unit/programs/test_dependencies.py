"""Each program's image holds what its extra names, and no more: whatever it imports has to stand there."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from pba_hack.checkout import CHECKOUT

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
OURS = {"pba_api", "pba_operator", "pba_sync"}


def imported(package: Path) -> Iterator[str]:
    """Yield the first names of all that a package imports, wherever in its files it does."""
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", distribution)[0]).lower()


def named(extra: str | None) -> set[str]:
    requirements: list[str] = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    # A requirement's version begins with an operator; what is before it is the name.
    return {normal(re.split(r"[~<>=!\[; ]", requirement)[0]) for requirement in requirements}


@pytest.mark.parametrize(
    ("package", "extra"), [("pba_api", None), ("pba_operator", "operator"), ("pba_sync", "sync")]
)
def test_what_a_program_imports_is_named_as_its_dependency(package: str, extra: str | None) -> None:
    homes = packages_distributions()
    foreign = set(imported(CHECKOUT / "operator" / package)) - sys.stdlib_module_names - OURS - {"__future__"}
    needed = {normal(home) for name in foreign for home in homes.get(name, [name])}
    assert needed <= named(extra)
    assert bool(needed) == bool(extra)
