"""The view follows what the API server tells, in lists and watches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from pba_lab.modelled import Clock
from pba_lab.scripted import Script, Slice, at, listing, states

from pba_sync.watching.errors import ApiUnavailableError, ViewExpiredError
from pba_sync.watching.kube import Event, Listing
from pba_sync.watching.membership import Node, NodeState
from pba_sync.watching.view import CONFIRM_SECONDS, RELIST_SECONDS, Board


def test_a_list_then_its_watch(script: Script, board: Board, run: Callable[[], None]) -> None:
    script.lists = [listing("5", at("a"))]
    script.watches = [[Event("6", "slice", (at("a"), at("b")))]]
    run()
    assert script.asked == ["list", "watch 5", "watch 6"]
    assert states(board) == {"a": NodeState.SERVING, "b": NodeState.SERVING}


def test_a_watch_goes_on_from_a_bookmark(script: Script, run: Callable[[], None]) -> None:
    script.lists = [listing("5", at("a"))]
    script.watches = [[Event("900")]]
    run()
    assert script.asked[-1] == "watch 900"


def test_slices_are_kept_apart_and_can_go(script: Script, board: Board, run: Callable[[], None]) -> None:
    script.lists = [Listing("5", {"one": (at("a"),), "two": (at("b"),)})]
    script.watches = [[Event("6", "one", None)]]
    run()
    assert list(states(board)) == ["b"]


def test_a_view_that_is_too_old_is_read_anew_at_once(
    script: Script, slept: list[float], told: list[str], run: Callable[[], None]
) -> None:
    script.lists = [listing("5", at("a")), listing("9", at("b"))]
    script.watches = [[ViewExpiredError("too old")]]
    run()
    assert script.asked == ["list", "watch 5", "list", "watch 9"]
    assert told == ["start", "expired"]
    assert slept == []


def test_what_is_too_old_again_and_again_makes_no_busy_loop(
    script: Script, slept: list[float], run: Callable[[], None]
) -> None:
    script.lists = [listing("5", at("a"))] * 5
    script.watches = [[ViewExpiredError("too old")]] * 3 + [[Event("6"), ViewExpiredError("too old")]]
    run()
    assert slept == [0.4, 0.8]


def test_everything_is_read_anew_from_time_to_time(
    script: Script, told: list[str], run: Callable[[], None]
) -> None:
    script.lists = [listing("5", at("a")), listing("9", at("a"))]
    script.watches = [[Event("6")]] * round(RELIST_SECONDS / 30)
    run()
    assert told == ["start", "periodic"]
    assert script.asked[-2:] == ["list", "watch 9"]


def test_an_empty_list_is_read_a_second_time(
    script: Script, board: Board, slept: list[float], run: Callable[[], None]
) -> None:
    script.lists = [listing("5"), listing("6", at("a"))]
    run()
    assert slept == [CONFIRM_SECONDS]
    assert list(states(board)) == ["a"]
    assert script.asked == ["list", "list", "watch 6"]


def test_two_empty_lists_are_believed(script: Script, board: Board, run: Callable[[], None]) -> None:
    script.lists = [listing("5"), listing("6")]
    run()
    assert states(board) == {}


def test_an_event_that_empties_the_view_is_checked_by_a_live_read(
    script: Script, board: Board, told: list[str], run: Callable[[], None]
) -> None:
    script.lists = [listing("5", at("a")), listing("20", at("b"))]
    script.watches = [[Event("6", "slice", None), Event("7", "slice", (at("late"),))]]
    run()
    assert told == ["start", "confirm-empty"]
    assert list(states(board)) == ["b"], "what is left of the watch is older than the live read"
    assert script.asked[-1] == "watch 20"


def test_the_view_is_kept_while_an_empty_one_is_checked(
    script: Script, board: Board, run: Callable[[], None]
) -> None:
    script.lists = [listing("5", at("a")), ApiUnavailableError("gone")]
    script.watches = [[Event("6", "slice", ())]]
    run()
    assert states(board) == {"a": NodeState.SERVING}


def test_an_old_view_is_not_emptied_by_a_list_either(
    script: Script, board: Board, run: Callable[[], None]
) -> None:
    script.lists = [listing("5", at("a")), listing("6"), ApiUnavailableError("gone")]
    script.watches = [[ViewExpiredError("too old")]]
    run()
    assert states(board) == {"a": NodeState.SERVING}


def test_a_watch_that_ends_as_soon_as_it_opens_makes_no_busy_loop(
    script: Script, slept: list[float], run: Callable[[], None], clock: Clock
) -> None:
    script.lists = [listing("5", at("a"))] * 4
    script.watches = [[], [], [], [Event("6")]]
    opened = script.watch

    def at_once(version: str) -> Iterator[Event[Slice]]:
        now = clock.now
        yield from opened(version)
        clock.now = now

    script.watch = at_once  # type: ignore[method-assign, assignment]
    run()
    assert slept == [0.2, 0.4, 0.8, pytest.approx(0.2)]


def test_a_fault_of_ours_is_logged_and_starts_over(
    script: Script, board: Board, told: list[str], run: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    script.lists = [KeyError("metadata"), listing("5", at("a"))]
    run()
    assert list(states(board)) == ["a"]
    assert "fault" in told
    assert "KeyError" in caplog.text


def test_only_a_change_of_the_view_is_one(board: Board) -> None:
    nodes = {"a": Node("a", "10.0.0.1", 80, NodeState.SERVING)}
    board.publish(nodes)
    version = board.version
    board.publish(dict(nodes))
    assert board.version == version
    board.publish({})
    assert board.version != version


def test_who_waits_is_woken_by_a_change(board: Board) -> None:
    version = board.version
    waiting = threading.Thread(target=board.wait, args=(version, 60))
    waiting.start()
    board.publish({"a": Node("a", "10.0.0.1", 80, NodeState.SERVING)})
    waiting.join(10)
    assert not waiting.is_alive()
