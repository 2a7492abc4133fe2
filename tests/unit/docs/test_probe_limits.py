"""The pages that tell after how many seconds a probe fails tell what the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_operator.engine.health import DEAD_AFTER, STALE_AFTER
from pba_operator.kube.streams import SILENCE_SECONDS

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize(
    ("page", "limits"),
    [
        ("how-to/not-ready.md", (STALE_AFTER, DEAD_AFTER)),
        ("adr/0001-kopf-as-a-shell.md", (SILENCE_SECONDS, STALE_AFTER, DEAD_AFTER)),
    ],
)
def test_the_limits_of_a_silent_watch(page: str, limits: tuple[float, ...]) -> None:
    words = " ".join((DOCS / page).read_text().split())
    assert [f" {limit:.0f} s" for limit in limits if f" {limit:.0f} s" not in words] == []
