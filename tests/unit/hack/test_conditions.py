"""The conditions of live objects, as tools and tests read them."""

from __future__ import annotations

from typing import Any

import pytest

from pba_hack.conditions import condition, is_ready


def _with(*conditions: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "one"}, "status": {"conditions": list(conditions)}}


@pytest.mark.parametrize("live", [{"metadata": {"name": "one"}}, {"status": {}}, _with()])
def test_an_object_that_nobody_has_looked_at_has_no_condition(live: dict[str, Any]) -> None:
    assert condition(live, "Ready") is None
    assert not is_ready(live)


def test_a_condition_is_found_by_its_type() -> None:
    scheduled = {"type": "PodScheduled", "status": "True"}
    live = _with({"type": "ContainersReady", "status": "False"}, scheduled)
    assert condition(live, "PodScheduled") == scheduled
    assert condition(live, "Ready") is None


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", False)])
def test_ready_is_what_the_condition_says_and_no_other(status: str, ready: bool) -> None:
    live = _with({"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": status})
    assert is_ready(live) is ready
