"""Conditions: which of several reasons `Ready` bears, and how long their words may be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pba_api.conditions import ConditionType
from pba_operator.domain.conditions import CONDITION_TEXT_MAX, assemble, condition
from pba_operator.domain.model import Cluster, Problem

ROLLING = Problem(ConditionType.DATABASE, "RollingOut", "The pod is about to be restarted.")
PULLING = Problem(ConditionType.MANAGEMENT, "ImagePullFailed", "The image cannot be had.", stalled=True)


@pytest.mark.parametrize("problems", [(ROLLING, PULLING), (PULLING, ROLLING)])
def test_ready_bears_the_reason_that_needs_a_human_before_one_that_passes(
    cluster: Callable[..., Cluster], problems: tuple[Problem, ...]
) -> None:
    parts = (ConditionType.DATABASE, ConditionType.MANAGEMENT)
    told = {entry["type"]: entry["reason"] for entry in assemble(cluster(), parts, problems)}
    assert told == {
        "Ready": "ImagePullFailed",
        "Stalled": "ImagePullFailed",
        "DatabaseReady": "RollingOut",
        "ManagementReady": "ImagePullFailed",
    }


@pytest.mark.parametrize("beyond", [1, 1000])
def test_a_message_that_is_too_long_is_cut_and_says_so(beyond: int) -> None:
    fits, long = "x" * CONDITION_TEXT_MAX, "x" * (CONDITION_TEXT_MAX + beyond)
    told = [condition(ConditionType.READY, "Any", text, 1, true=False)["message"] for text in (fits, long)]
    assert told == [fits, f"{fits[:-1]}…"]
