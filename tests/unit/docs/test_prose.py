"""Prose is wrapped: what is read in a terminal, or as a change, has lines of 120 characters at most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LONGEST = 120
GENERATED = {
    "docs/measurements/bench-balancer.md",
    "docs/measurements/bench-operator.md",
    "docs/measurements/mutants.md",
    "docs/reference/pbacluster.md",
}
"""Their sentences come from elsewhere, each a line."""
PAGES = sorted(
    str(page.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "manifests/*.md", "helm/*/*.md", "hack/**/README.md")
    for page in ROOT.glob(pattern)
)


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, with their numbers, that are neither code, nor of a table, nor a word that cannot be broken."""
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and not line.lstrip().startswith("|") and len(words) > 1:
            yield number, line


@pytest.mark.parametrize("page", [page for page in PAGES if page not in GENERATED])
def test_lines_of_prose_fit(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert [number for number, line in _prose(text) if len(line) > LONGEST] == []


def test_what_is_generated_is_there() -> None:
    assert set(PAGES) >= GENERATED
