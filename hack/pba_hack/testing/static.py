"""The checks that run no test: formatting, lint, types, layers, generated files that are up to date, shell and Go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CHECKED = ("operator", "hack", "tests")
_VETTED = tuple(Path("hack/pba_hack/cluster/go") / name for name in ("init", "loadlab"))
"""The Go programs that need no library. The compiler alone has to do for the others: to vet them is to read all of
Kubernetes' source."""
_LINT_IMPORTS = """
import sys
from importlinter.cli import lint_imports_command as lint
sys.path[:0] = ["hack", "tests/lab"]
lint()
"""
"""Its program belongs to an interpreter that has no wheel, and the tools of `hack` are in no wheel."""
_GOFMT = """
gofmt=$(go env GOROOT)/bin/gofmt
found=$("$gofmt" -l "$@")
test -z "$found" || { "$gofmt" -d "$@"; exit 1; }
"""


def checks(python: Path, root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the title and the command of each check.

    Args:
        python: the interpreter that has the tools and the wheel; the tools' programs are on the PATH.
        root: the checkout.
    """
    tool = [str(python), "-m"]
    yield "ruff: format", [*tool, "ruff", "format", "--check", *CHECKED]
    yield "ruff: lint", [*tool, "ruff", "check", *CHECKED]
    yield "mypy --strict", [*tool, "mypy"]
    yield "import-linter: layers", [str(python), "-c", _LINT_IMPORTS]
    yield "generated files", [str(root / "hack" / "generate"), "--check"]
    yield "shellcheck", ["shellcheck", *map(str, _sources(root, ".sh"))]
    yield "gofmt", ["sh", "-ec", _GOFMT, "gofmt", *map(str, _sources(root, ".go"))]
    for program in _VETTED:
        yield f"go vet: {program.name}", ["env", "GOWORK=off", "go", "-C", str(root / program), "vet", "."]


def _sources(root: Path, suffix: str) -> list[Path]:
    return sorted(path for folder in CHECKED for path in (root / folder).rglob(f"*{suffix}"))
