"""The view from several sources, in whatever order they speak."""

from __future__ import annotations

import pytest

from pba_sync.watching.external import Declared, External
from pba_sync.watching.membership import Endpoint, NodeState
from pba_sync.watching.roster import Roster
from pba_sync.watching.view import Board

OLD = External("old", "192.0.2.7", 80)
NAMED = External("named", "named.example", 80)


def pod(name: str, *, terminating: bool = False) -> tuple[Endpoint, ...]:
    return (Endpoint(name, "10.0.0.1", 80, ready=not terminating, serving=True, terminating=terminating),)


@pytest.fixture
def board() -> Board:
    return Board(lambda: 0.0)


@pytest.fixture
def hosts() -> list[frozenset[str]]:
    return []


@pytest.fixture
def roster(board: Board, hosts: list[frozenset[str]]) -> Roster:
    return Roster(board, on_hosts=hosts.append)


def names(board: Board) -> set[str]:
    assert board.view is not None
    return set(board.view.nodes)


@pytest.mark.parametrize("pods_first", [True, False])
def test_there_is_no_view_before_both_have_spoken(board: Board, roster: Roster, *, pods_first: bool) -> None:
    def pods() -> None:
        roster.pods.put({"s": pod("a")})

    def declaration() -> None:
        roster.declaration.put({"m": Declared((OLD,))})

    first, second = (pods, declaration) if pods_first else (declaration, pods)
    first()
    assert board.view is None, "a view of one source alone would drain the others' nodes"
    second()
    assert names(board) == {"a", "external_old_192.0.2.7:80"}


def test_a_declaration_that_is_not_there_declares_nothing_but_takes_nothing_back(
    board: Board, roster: Roster, caplog: pytest.LogCaptureFixture
) -> None:
    roster.pods.put({"s": pod("a")})
    assert roster.declaration.is_void({})
    roster.declaration.put({})
    assert names(board) == {"a"}
    roster.declaration.put({"m": Declared((OLD,))})
    both = names(board)
    for gone in ({}, {"m": None}, {"m": None}):
        roster.declaration.put(gone)
        assert names(board) == both
    assert caplog.messages == ["the ConfigMap of nodes makes no sense, going on with what is known"], "once"


def test_a_name_waits_for_its_address_and_keeps_it(
    board: Board, roster: Roster, hosts: list[frozenset[str]]
) -> None:
    roster.pods.put({"s": pod("a")})
    roster.declaration.put({"m": Declared((NAMED,))})
    assert hosts == [{"named.example"}]
    view = board.view
    assert view is not None
    assert (set(view.unresolved), view.awaited) == ({"named"}, True)
    assert roster.put_answers("named.example", ()) is None
    view = board.view
    assert view is not None
    assert (set(view.unresolved), view.awaited) == ({"named"}, False), "it was asked for, and stays unknown"
    assert roster.put_answers("named.example", ("192.0.2.9", "192.0.2.8")) == "192.0.2.8"
    assert names(board) == {"a", "external_named_192.0.2.8:80"}
    for answers in (("192.0.2.9", "192.0.2.8"), (), ("127.0.0.1",)):
        assert roster.put_answers("named.example", answers) == "192.0.2.8"
    assert names(board) == {"a", "external_named_192.0.2.8:80"}
    roster.put_answers("named.example", ("192.0.2.9",))
    assert names(board) == {"a", "external_named_192.0.2.9:80"}


def test_a_name_that_is_taken_back_is_forgotten(
    board: Board, roster: Roster, hosts: list[frozenset[str]]
) -> None:
    roster.pods.put({"s": pod("a")})
    roster.declaration.put({"m": Declared((NAMED,))})
    roster.put_answers("named.example", ("192.0.2.9",))
    roster.declaration.put({"m": Declared()})
    assert roster.put_answers("named.example", ("192.0.2.9",)) is None, "an answer that comes too late"
    assert names(board) == {"a"}
    roster.declaration.put({"m": Declared((NAMED,))})
    assert board.view is not None
    assert board.view.unresolved == {"named"}
    assert hosts == [{"named.example"}, frozenset(), {"named.example"}]


def test_a_pod_that_terminates_serves_on_only_where_nobody_else_does(board: Board, roster: Roster) -> None:
    def state() -> NodeState:
        assert board.view is not None
        return board.view.nodes["a"].state

    roster.declaration.put({"m": Declared()})
    roster.pods.put({"s": pod("a", terminating=True)})
    assert state() is NodeState.SERVING
    roster.declaration.put({"m": Declared((OLD,))})
    assert state() is NodeState.DRAINING


def test_a_pod_drained_by_hand_stands_in_the_view(board: Board, roster: Roster) -> None:
    roster.pods.put({"s": pod("a"), "t": pod("b")})
    roster.declaration.put({"m": Declared((OLD,), frozenset({"a", "old"}))})
    assert board.view is not None
    assert {name: node.state for name, node in board.view.nodes.items()} == {
        "a": NodeState.DRAINED,
        "b": NodeState.SERVING,
        "external_old_192.0.2.7:80": NodeState.DRAINED,
    }


def test_the_age_is_that_of_the_source_that_has_been_silent_for_longest() -> None:
    now = [0.0]
    board = Board(lambda: now[0])
    roster = Roster(board)
    assert board.age() is None
    roster.pods.put({"s": pod("a")})
    roster.declaration.put({"m": Declared()})
    now[0] = 5.0
    roster.pods.confirm()
    assert board.age() == 5.0
    roster.declaration.confirm()
    assert board.age() == 0.0
