"""Somebody else's Secret under the name of the application's password: never read, never marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pba_operator.domain import database
from pba_operator.domain.model import ChildId

World = Any
APP = ChildId("Secret", "shop-mysql-app")
MINE = ChildId("Secret", "mine")


@pytest.fixture
def squat() -> Callable[[World], None]:
    """Return a function that puts the stranger's Secret there, seen because it bears our cluster's label."""

    def put(world: World) -> None:
        world.children.pop(APP, None)
        metadata = {"name": APP.name, "labels": {"pba.dev/cluster": "shop"}}
        world.put(*APP, metadata=metadata, data={"password": "dGhlaXJz"})

    return put


def test_the_application_is_not_given_a_strangers_password(
    settled: World, squat: Callable[[World], None]
) -> None:
    assert database.environment(settled.cluster, settled.observed) is not None
    squat(settled)
    assert database.environment(settled.cluster, settled.observed) is None
    assert settled.reasons() == ["NameConflict"]


def test_where_the_password_is_the_users_own_a_strangers_secret_is_left_as_it_is(
    new_world: Callable[..., World], squat: Callable[[World], None]
) -> None:
    world = new_world(user={"name": "app", "passwordSecretRef": {"name": MINE.name, "key": "pw"}})
    world.references[MINE] = {"metadata": {"name": MINE.name}, "data": {"pw": "cHc="}}
    world.settle()
    squat(world)
    assert world.due() == []
    assert world.reasons() == []
