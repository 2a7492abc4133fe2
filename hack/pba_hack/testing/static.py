"""The checks that run no test: formatting, lint, types, layers, and generated files that are up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CHECKED = ("operator", "hack", "tests")


def checks(python: Path, root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the title and the command of each check.

    Args:
        python: the interpreter of the venv that has the tools.
        root: the checkout.
    """
    tool = [str(python), "-m"]
    yield "ruff: format", [*tool, "ruff", "format", "--check", *CHECKED]
    yield "ruff: lint", [*tool, "ruff", "check", *CHECKED]
    yield "mypy --strict", [*tool, "mypy"]
    yield "import-linter: layers", [str(python.parent / "lint-imports")]
    yield "generated files", [str(root / "hack" / "generate"), "--check"]
