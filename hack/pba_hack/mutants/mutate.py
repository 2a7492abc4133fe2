"""Writes the packages with all mutants in them, and an index of the mutants. Run by the venv that has mutmut.

What must stay true: a mutant keeps its name and its function's hash as long as the function is the same, so that a
verdict can be kept. mutmut leaves out what runs when a module is imported (constants, annotations) and decorated
functions.
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGE = Path("pba_operator", "domain")
INDEX = "mutants.json"


def write(packages: Path, folder: Path) -> None:
    """Write the packages, mutated, to `folder`/src, and the index of the mutants beside them.

    Args:
        packages: the folder of the packages, as they are.
        folder: an existing folder that is the tool's own.
    """
    sources = folder / "src"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(packages, sources, ignore=shutil.ignore_patterns("__pycache__"))
    os.chdir(folder)  # mutmut looks for its settings, and for `src`, where it is started
    # mutmut is in a dependency group of its own: the type checker does not see it
    mutmut: Any = importlib.import_module("mutmut.mutation.file_mutation")
    index = {}
    for path in sorted((sources / PACKAGE).rglob("*.py")):
        made = mutmut.mutate_file_contents(str(path), path.read_text())
        path.write_text(made.code)
        index.update(_entries(_module(path.relative_to(sources)), made))
    (folder / INDEX).write_text(json.dumps(index, indent=1))


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _entries(module: str, made: Any) -> dict[str, dict[str, str]]:
    lines = made.code.splitlines()
    entries = {}
    for name in made.mutant_names:
        function = name.partition("__mutmut_")[0]
        original, mutant = (
            _text(lines, made.line_span_by_function_name[key], key, function)
            for key in (f"{function}__mutmut_orig", name)
        )
        entries[f"{module}.{name}"] = {
            "module": module,
            "function": f"{module}.{function}",
            "hash": made.hash_by_function_name[function],
            "change": _change(original, mutant),
        }
    return entries


def _text(lines: Sequence[str], span: Any, key: str, function: str) -> list[str]:
    return [line.replace(key, function) for line in lines[span.start - 1 : span.end]]


def _change(before: Sequence[str], after: Sequence[str]) -> str:
    different = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in different if not line.startswith("@@"))


if __name__ == "__main__":
    write(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
