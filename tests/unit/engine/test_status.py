from __future__ import annotations

from typing import Any

import pytest

from pba_operator.engine.status import is_same_request, same, transitions, with_times

OLD, NOW = "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"


def condition(type_: str, status: str = "True", reason: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason, "message": "", **more}


def test_the_time_of_a_condition_changes_with_its_status_and_with_nothing_else() -> None:
    live = {"conditions": [condition("A", lastTransitionTime=OLD), condition("B", lastTransitionTime=OLD)]}
    wanted = {"conditions": [condition("A", reason="Other"), condition("B", "False"), condition("C")]}
    times = [found["lastTransitionTime"] for found in with_times(wanted, live, NOW)["conditions"]]
    assert times == [OLD, NOW, NOW]


def test_a_condition_without_a_time_gets_one() -> None:
    live = {"conditions": [condition("A")]}
    assert (
        with_times({"conditions": [condition("A")]}, live, NOW)["conditions"][0]["lastTransitionTime"] == NOW
    )
    assert with_times({}, {}, NOW) == {"conditions": []}


def test_the_order_of_conditions_says_nothing() -> None:
    one = {"x": 1, "conditions": [condition("A"), condition("B")]}
    assert same(one, {"conditions": [condition("B"), condition("A")], "x": 1})
    assert not same(one, {"conditions": [condition("A")], "x": 1})
    assert not same(one, {**one, "x": 2})
    assert not same(one, {})


def test_what_is_worth_telling() -> None:
    before = {"conditions": [condition("A"), condition("B"), condition("C")]}
    after = {
        "conditions": [
            condition("A", message="new"),
            condition("B", "False"),
            condition("C", reason="S"),
            condition("D"),
        ]
    }
    assert [change.after["type"] for change in transitions(before, after)] == ["B", "C", "D"]


@pytest.mark.parametrize(
    ("field", "value"), [("uid", "2"), ("generation", 2), ("deletionTimestamp", NOW), ("finalizers", ["a"])]
)
def test_another_request_is_noticed(field: str, value: Any) -> None:
    before = {"metadata": {"uid": "1", "generation": 1, "resourceVersion": "1"}, "status": {}}
    after: dict[str, Any] = {
        "metadata": {"uid": "1", "generation": 1, "resourceVersion": "2"},
        "status": {"x": 1},
    }
    assert is_same_request(before, after)
    after["metadata"][field] = value
    assert not is_same_request(before, after)
