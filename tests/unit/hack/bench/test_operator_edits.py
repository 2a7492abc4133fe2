"""An edit is acted on by the operator's first write of the Service after it, if the API server did what was asked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pba_hack.bench.operator.edits import acted_on

BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPERATOR = "operator"


def patch(
    resource: str,
    after: float,
    *,
    took: float = 0.0,
    user: str = OPERATOR,
    code: int = 200,
    name: str = "shop",
    **about: str,
) -> dict[str, Any]:
    return {
        "verb": "patch",
        "user": {"username": user},
        "objectRef": {"resource": resource, "name": name, **about},
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": (BEGAN + dt.timedelta(seconds=after - took)).isoformat(),
        "stageTimestamp": (BEGAN + dt.timedelta(seconds=after)).isoformat(),
    }


def edit(after: float, name: str = "shop", took: float = 0.0) -> dict[str, Any]:
    return patch("pbaclusters", after, took=took, user="somebody", name=name)


def test_from_the_edits_answer_to_that_of_the_first_write_after_it() -> None:
    entries = [patch("services", 0.5), edit(1), patch("services", 3), patch("services", 7)]
    assert {name: one.seconds for name, one in acted_on(entries, OPERATOR).items()} == {"shop": 2.0}


def test_each_edit_has_its_own() -> None:
    entries = [edit(1, "one"), edit(2, "two"), patch("services", 4, name="two")]
    assert {name: one.seconds for name, one in acted_on(entries, OPERATOR).items()} == {"two": 2.0}


def test_an_edit_whose_answer_comes_last_was_acted_on_at_once() -> None:
    entries = [patch("services", 3, took=1), edit(4, took=3)]
    assert {name: one.seconds for name, one in acted_on(entries, OPERATOR).items()} == {"shop": 0.0}


def test_what_is_no_act_of_the_operators() -> None:
    no_acts = [
        patch("services", 2, user="somebody"),
        patch("services", 3, code=409),
        patch("services", 4, subresource="status"),
        patch("deployments", 5),
        patch("pbaclusters", 6),
        {**patch("services", 7), "verb": "get"},
    ]
    assert acted_on([edit(1), *no_acts], OPERATOR) == {}
