"""Figures that users are told in words are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_operator.domain.frontend import overload, pages
from pba_operator.domain.network import moments
from pba_sync.watching import resolver

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("page", "words", "figure"),
    [
        ("docs/explanation/limits.md", "no more than {:,} requests in one frontend", overload.MAX_WAITING),
        ("docs/explanation/limits.md", "A frontend has {:,} connections for", overload.MAX_CLIENTS),
        ("docs/explanation/edge.md", "hence at most {:,} bytes", pages.PAGE_MAX_BYTES),
        ("docs/reference/pbacluster.md", "the pages, at most {:,} bytes each", pages.PAGE_MAX_BYTES),
        ("docs/reference/pbacluster.md", "resolves again every {:.0f} seconds", resolver.RESOLVE_SECONDS),
        ("docs/how-to/grow.md", "in each frontend, every {:.0f} seconds", resolver.RESOLVE_SECONDS),
        ("docs/explanation/network.md", "has let them in for {:.0f} seconds", moments.OPEN_BEFORE_SECONDS),
        ("docs/explanation/network.md", "lets them in for {:.0f} more", moments.OPEN_AFTER_SECONDS),
    ],
)
def test_it_is_the_codes(page: str, words: str, figure: float) -> None:
    text = " ".join((ROOT / page).read_text("utf-8").split())
    assert words.format(figure) in text
