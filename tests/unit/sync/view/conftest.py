from __future__ import annotations

from collections.abc import Callable

import pytest
from pba_lab.modelled import Clock
from pba_lab.scripted import OverError, Script

from pba_sync.watching.external import Declared
from pba_sync.watching.roster import Roster
from pba_sync.watching.view import Board, Watcher, WatcherHooks


@pytest.fixture
def script(clock: Clock) -> Script:
    return Script(clock)


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(clock)


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def run(
    script: Script, board: Board, clock: Clock, slept: list[float], told: list[str]
) -> Callable[[], None]:
    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.sleep(seconds)

    hooks = WatcherHooks(clock, sleep, lambda: 1.0, told.append, told.append)
    watcher = Watcher(script, Roster(board, Declared()).pods, hooks)

    def run_it() -> None:
        with pytest.raises(OverError):
            watcher.run()

    return run_it
