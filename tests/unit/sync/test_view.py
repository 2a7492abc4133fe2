from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from pba_sync.balancer.errors import AccessRefusedError, ApiUnavailableError, ViewExpiredError
from pba_sync.balancer.external import Declared
from pba_sync.balancer.kube import Event, Listing
from pba_sync.balancer.membership import Endpoint, Node, NodeState
from pba_sync.balancer.roster import Roster
from pba_sync.balancer.view import CONFIRM_SECONDS, RELIST_SECONDS, Board, Watcher, WatcherHooks

Slice = tuple[Endpoint, ...]


def at(name: str, *, ready: bool = True, terminating: bool = False) -> Endpoint:
    return Endpoint(name, "10.0.0.1", 80, ready, serving=True, terminating=terminating)


def listing(version: str, *endpoints: Endpoint) -> Listing[Slice]:
    return Listing(version, {"slice": endpoints} if endpoints else {})


class OverError(BaseException):
    """The script of a test is at its end."""


class Script:
    """Slices that answer as a test wrote it; notes what was asked."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.lists: list[Listing[Slice] | Exception] = []
        self.watches: list[Sequence[Event[Slice] | Exception]] = []
        self.asked: list[str] = []

    def list(self) -> Listing[Slice]:
        self.asked.append("list")
        if not self.lists:
            raise OverError
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def watch(self, resource_version: str) -> Iterator[Event[Slice]]:
        self.asked.append(f"watch {resource_version}")
        if not self.watches:
            raise OverError
        self.clock.now += 30
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture
def script(clock: Any) -> Script:
    return Script(clock)


@pytest.fixture
def board(clock: Any) -> Board:
    return Board(clock)


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def run(script: Script, board: Board, clock: Any, slept: list[float], told: list[str]) -> Callable[[], None]:
    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.sleep(seconds)

    hooks = WatcherHooks(clock, sleep, lambda: 1.0, told.append, told.append)
    watcher = Watcher(script, Roster(board, Declared()).pods, hooks)

    def run_it() -> None:
        with pytest.raises(OverError):
            watcher.run()

    return run_it


def states(board: Board) -> dict[str, NodeState]:
    assert board.view is not None
    return {name: node.state for name, node in board.view.nodes.items()}


def test_a_list_then_its_watch(script: Script, board: Board, run: Any) -> None:
    script.lists = [listing("5", at("a"))]
    script.watches = [[Event("6", "slice", (at("a"), at("b")))]]
    run()
    assert script.asked == ["list", "watch 5", "watch 6"]
    assert states(board) == {"a": NodeState.SERVING, "b": NodeState.SERVING}


def test_a_watch_goes_on_from_a_bookmark(script: Script, run: Any) -> None:
    script.lists = [listing("5", at("a"))]
    script.watches = [[Event("900")]]
    run()
    assert script.asked[-1] == "watch 900"


def test_slices_are_kept_apart_and_can_go(script: Script, board: Board, run: Any) -> None:
    script.lists = [Listing("5", {"one": (at("a"),), "two": (at("b"),)})]
    script.watches = [[Event("6", "one", None)]]
    run()
    assert list(states(board)) == ["b"]


def test_a_view_that_is_too_old_is_read_anew_at_once(
    script: Script, slept: list[float], told: list[str], run: Any
) -> None:
    script.lists = [listing("5", at("a")), listing("9", at("b"))]
    script.watches = [[ViewExpiredError("too old")]]
    run()
    assert script.asked == ["list", "watch 5", "list", "watch 9"]
    assert told == ["start", "expired"]
    assert slept == []


def test_what_is_too_old_again_and_again_makes_no_busy_loop(
    script: Script, slept: list[float], run: Any
) -> None:
    script.lists = [listing("5", at("a"))] * 5
    script.watches = [[ViewExpiredError("too old")]] * 3 + [[Event("6"), ViewExpiredError("too old")]]
    run()
    assert slept == [0.4, 0.8]


def test_everything_is_read_anew_from_time_to_time(script: Script, told: list[str], run: Any) -> None:
    script.lists = [listing("5", at("a")), listing("9", at("a"))]
    script.watches = [[Event("6")]] * round(RELIST_SECONDS / 30)
    run()
    assert told == ["start", "periodic"]
    assert script.asked[-2:] == ["list", "watch 9"]


def test_without_the_api_server_the_view_stays_and_grows_old(
    script: Script, board: Board, slept: list[float], told: list[str], run: Any
) -> None:
    script.lists = [listing("5", at("a")), *[ApiUnavailableError("gone")] * 8, listing("9", at("a"), at("b"))]
    script.watches = [[ApiUnavailableError("gone")]]
    run()
    assert list(states(board)) == ["a", "b"]
    assert slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    assert told.count("ApiUnavailableError") == 9


def test_after_a_success_a_failure_is_the_first_again(script: Script, slept: list[float], run: Any) -> None:
    gone = ApiUnavailableError("gone")
    script.lists = [gone, gone, listing("5", at("a")), gone]
    script.watches = [[Event("6"), ApiUnavailableError("gone")]]
    run()
    assert slept == [0.2, 0.4, 0.2, 0.4]


def test_a_list_alone_is_no_success(
    script: Script, slept: list[float], run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The right to watch was taken away, or a machine on the way breaks watches."""
    caplog.set_level("INFO")
    script.lists = [listing("5", at("a"))] * 6
    script.watches = [[AccessRefusedError("403")]] * 6
    run()
    assert slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert len(caplog.messages) == 1


def test_its_end_is_told_once_a_watch_has_told_something(
    script: Script, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    script.lists = [ApiUnavailableError("gone"), listing("5", at("a"))]
    script.watches = [[Event("6")], [Event("7")]]
    run()
    assert [message.partition(" (")[0] for message in caplog.messages] == [
        "EndpointSlices cannot be followed, going on with what is known: gone",
        "EndpointSlices can be read again",
    ]


def test_another_cause_is_told_as_such(script: Script, run: Any, caplog: pytest.LogCaptureFixture) -> None:
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
    script: Script, board: Board, clock: Any
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


def test_age_counts_from_evidence_alone(script: Script, board: Board, clock: Any, run: Any) -> None:
    assert board.age() is None
    script.lists = [listing("5", at("a")), ApiUnavailableError("gone")]
    script.watches = [[ApiUnavailableError("gone")]]
    before = clock.now
    run()
    assert board.age() == clock.now - before > 30
    assert states(board) == {"a": NodeState.SERVING}


def test_a_bookmark_is_evidence(script: Script, board: Board, run: Any) -> None:
    script.lists = [listing("5", at("a"))]
    script.watches = [[Event("6")]]
    run()
    assert board.age() == 0


def test_a_watch_that_has_not_said_a_word_is_none_and_is_not_believed(
    script: Script, board: Board, slept: list[float], told: list[str], run: Any
) -> None:
    """Somebody on the way may have ended it, and have kept what it had to say."""
    script.lists = [listing("5", at("a"))]
    script.watches = [[]]
    run()
    assert board.age() == 30
    assert told == ["start", "silent"]
    assert script.asked == ["list", "watch 5", "list"]
    assert slept == [], "what it may have missed is not waited for"


def test_there_is_no_age_before_there_is_a_view(clock: Any) -> None:
    """The slices alone are no view: nothing has been read of the nodes outside of the cluster."""
    board = Board(clock)
    roster = Roster(board)
    roster.pods.put({"slice": (at("a"),)})
    clock.now += 30
    assert (board.view, board.age()) == (None, None)
    roster.declaration.put({"shop-nodes": Declared()})
    assert board.age() == 30


def test_a_refused_token_is_tried_again_and_told_once(
    script: Script, board: Board, told: list[str], run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    refused = AccessRefusedError("401")
    script.lists = [refused, refused, listing("5", at("a"))]
    run()
    assert list(states(board)) == ["a"]
    assert told.count("AccessRefusedError") == 2
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_an_empty_list_is_read_a_second_time(
    script: Script, board: Board, slept: list[float], run: Any
) -> None:
    script.lists = [listing("5"), listing("6", at("a"))]
    run()
    assert slept == [CONFIRM_SECONDS]
    assert list(states(board)) == ["a"]
    assert script.asked == ["list", "list", "watch 6"]


def test_two_empty_lists_are_believed(script: Script, board: Board, run: Any) -> None:
    script.lists = [listing("5"), listing("6")]
    run()
    assert states(board) == {}


def test_an_event_that_empties_the_view_is_checked_by_a_live_read(
    script: Script, board: Board, told: list[str], run: Any
) -> None:
    script.lists = [listing("5", at("a")), listing("20", at("b"))]
    script.watches = [[Event("6", "slice", None), Event("7", "slice", (at("late"),))]]
    run()
    assert told == ["start", "confirm-empty"]
    assert list(states(board)) == ["b"], "what is left of the watch is older than the live read"
    assert script.asked[-1] == "watch 20"


def test_the_view_is_kept_while_an_empty_one_is_checked(script: Script, board: Board, run: Any) -> None:
    script.lists = [listing("5", at("a")), ApiUnavailableError("gone")]
    script.watches = [[Event("6", "slice", ())]]
    run()
    assert states(board) == {"a": NodeState.SERVING}


def test_an_old_view_is_not_emptied_by_a_list_either(script: Script, board: Board, run: Any) -> None:
    script.lists = [listing("5", at("a")), listing("6"), ApiUnavailableError("gone")]
    script.watches = [[ViewExpiredError("too old")]]
    run()
    assert states(board) == {"a": NodeState.SERVING}


def test_a_watch_that_ends_as_soon_as_it_opens_makes_no_busy_loop(
    script: Script, slept: list[float], run: Any, clock: Any
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
    script: Script, board: Board, told: list[str], run: Any, caplog: pytest.LogCaptureFixture
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
