"""Reading the reference pages: their tables, as what the code can be compared with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_CODE = re.compile(r"`([^`]*)`")
_BORDER = re.compile(r"(?<!\\)\|")

Row = list[str]
Table = Callable[[str, str], list[Row]]


def _rows(text: str) -> list[Row]:
    """Return the cells of all table rows, headings and rulers left out."""
    lines = [line.strip() for line in text.splitlines()]
    rulers = {number for number, line in enumerate(lines) if set(line) and set(line) <= set("|- ")}
    return [
        [cell.strip() for cell in _BORDER.split(line)[1:-1]]
        for number, line in enumerate(lines)
        if line.startswith("|") and number not in rulers and number + 1 not in rulers
    ]


@pytest.fixture(scope="session")
def operator_sources() -> Path:
    return ROOT / "operator"


@pytest.fixture(scope="session")
def table() -> Table:
    """Return the rows below a heading (and its sub-headings) of a reference page: `table("metrics", "Operator")`."""

    def read(page: str, heading: str) -> list[Row]:
        text = (ROOT / "docs" / "reference" / f"{page}.md").read_text("utf-8")
        found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
        assert found, f"docs/reference/{page}.md has no heading {heading!r}"
        rest = text[found.end() :]
        end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
        return _rows(rest[: end.start()] if end else rest)

    return read


@pytest.fixture(scope="session")
def code_in() -> Callable[[str], list[str]]:
    """Return what stands between back-ticks in a cell."""
    return _CODE.findall
