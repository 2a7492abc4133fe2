"""The API server is lost, or says nothing: the view stays, its age is true, and nothing runs in circles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pba_lab.modelled import Clock
from pba_lab.scripted import OverError, Script, at, listing, states

from pba_sync.watching.errors import AccessRefusedError, ApiUnavailableError
from pba_sync.watching.external import Declared
from pba_sync.watching.kube import Event
from pba_sync.watching.membership import NodeState
from pba_sync.watching.roster import Roster
from pba_sync.watching.view import Board, Watcher, WatcherHooks


def test_without_the_api_server_the_view_stays_and_grows_old(
    script: Script, board: Board, slept: list[float], told: list[str], run: Callable[[], None]
) -> None:
    script.lists = [listing("5", at("a")), *[ApiUnavailableError("gone")] * 8, listing("9", at("a"), at("b"))]
    script.watches = [[ApiUnavailableError("gone")]]
    run()
    assert list(states(board)) == ["a", "b"]
    assert slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    assert told.count("ApiUnavailableError") == 9


def test_after_a_success_a_failure_is_the_first_again(
    script: Script, slept: list[float], run: Callable[[], None]
) -> None:
    gone = ApiUnavailableError("gone")
    script.lists = [gone, gone, listing("5", at("a")), gone]
    script.watches = [[Event("6"), ApiUnavailableError("gone")]]
    run()
    assert slept == [0.2, 0.4, 0.2, 0.4]


def test_a_list_alone_is_no_success(
    script: Script, slept: list[float], run: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The right to watch was taken away, or a machine on the way breaks watches."""
    caplog.set_level("INFO")
    script.lists = [listing("5", at("a"))] * 6
    script.watches = [[AccessRefusedError("403")]] * 6
    run()
    assert slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert len(caplog.messages) == 1


def test_its_end_is_told_once_a_watch_has_told_something(
    script: Script, run: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    script.lists = [ApiUnavailableError("gone"), listing("5", at("a"))]
    script.watches = [[Event("6")], [Event("7")]]
    run()
    assert [message.partition(" (")[0] for message in caplog.messages] == [
        "EndpointSlices cannot be followed, going on with what is known: gone",
        "EndpointSlices can be read again",
    ]


def test_another_cause_is_told_as_such(
    script: Script, run: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    gone, refused, broken = (
        ApiUnavailableError("gone"),
        AccessRefusedError("403"),
        ApiUnavailableError("broken"),
    )
    broken.__cause__ = OSError()
    script.lists = [gone, gone, refused, refused, broken, gone]
    run()
    assert [message.rpartition(": ")[2].partition(" ")[0] for message in caplog.messages] == [
        "gone",
        "403",
        "broken",
    ]


def test_a_watch_that_fails_still_moves_and_one_that_hangs_does_not(
    script: Script, board: Board, clock: Clock
) -> None:
    told: list[str] = []
    hooks = WatcherHooks(clock, clock.sleep, lambda: 1.0, told.append, told.append)
    watcher = Watcher(script, Roster(board, Declared()).pods, hooks)
    gone = ApiUnavailableError("gone")
    script.lists = [gone, gone, gone]
    with pytest.raises(OverError):
        watcher.run()
    assert watcher.moved_at == clock.now, "it tries again and again"
    script.lists = [listing("5", at("a"))]
    hangs = clock.now + 30
    script.watches = [[Event("6")]]
    with pytest.raises(OverError):
        watcher.run()
    assert watcher.moved_at == hangs


def test_age_counts_from_evidence_alone(
    script: Script, board: Board, clock: Clock, run: Callable[[], None]
) -> None:
    assert board.age() is None
    script.lists = [listing("5", at("a")), ApiUnavailableError("gone")]
    script.watches = [[ApiUnavailableError("gone")]]
    before = clock.now
    run()
    assert board.age() == clock.now - before > 30
    assert states(board) == {"a": NodeState.SERVING}


def test_a_bookmark_is_evidence(script: Script, board: Board, run: Callable[[], None]) -> None:
    script.lists = [listing("5", at("a"))]
    script.watches = [[Event("6")]]
    run()
    assert board.age() == 0


def test_a_watch_that_has_not_said_a_word_is_none_and_is_not_believed(
    script: Script, board: Board, slept: list[float], told: list[str], run: Callable[[], None]
) -> None:
    """Somebody on the way may have ended it, and have kept what it had to say."""
    script.lists = [listing("5", at("a"))]
    script.watches = [[]]
    run()
    assert board.age() == 30
    assert told == ["start", "silent"]
    assert script.asked == ["list", "watch 5", "list"]
    assert slept == [], "what it may have missed is not waited for"


def test_there_is_no_age_before_there_is_a_view(clock: Clock) -> None:
    """The slices alone are no view: nothing has been read of the nodes outside of the cluster."""
    board = Board(clock)
    roster = Roster(board)
    roster.pods.put({"slice": (at("a"),)})
    clock.now += 30
    assert (board.view, board.age()) == (None, None)
    roster.declaration.put({"shop-nodes": Declared()})
    assert board.age() == 30


def test_a_refused_token_is_tried_again_and_told_once(
    script: Script, board: Board, told: list[str], run: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    refused = AccessRefusedError("401")
    script.lists = [refused, refused, listing("5", at("a"))]
    run()
    assert list(states(board)) == ["a"]
    assert told.count("AccessRefusedError") == 2
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
