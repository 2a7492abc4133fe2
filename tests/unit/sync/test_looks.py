"""What the sidecar's threads tell of their looks."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from pba_lab.modelled import Clock

from pba_sync.haproxy.errors import HAProxyUnreachableError
from pba_sync.looks import Lasting, Looks

Told = Callable[[], list[str]]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    """What was logged, in order."""
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def forgotten() -> list[str]:
    return []


@pytest.fixture
def looks(clock: Clock, forgotten: list[str]) -> Looks:
    return Looks(
        clock,
        problem="it is left as it is: %s",
        fault="a look failed",
        again="HAProxy answers again",
        forget=lambda: forgotten.append("all"),
    )


def look(looks: Looks, error: BaseException | None = None, *problems: str) -> None:
    with looks.once() as found:
        found.extend(problems)
        if error is not None:
            raise error


def test_a_problem_is_told_once_and_so_is_its_end(looks: Looks, told: Told) -> None:
    look(looks, HAProxyUnreachableError("nobody answers"))
    look(looks, HAProxyUnreachableError("it is stuck"))
    look(looks)
    look(looks)
    assert told() == ["it is left as it is: nobody answers", "HAProxy answers again"]


def test_a_problem_that_ends_no_look_is_one_too(looks: Looks, told: Told) -> None:
    look(looks, None, "another frontend says nothing", "a third one neither")
    look(looks, HAProxyUnreachableError("nobody answers"))
    assert told() == ["it is left as it is: another frontend says nothing"]


def test_after_a_fault_nobody_knows_whether_haproxy_answers(looks: Looks, told: Told) -> None:
    look(looks, HAProxyUnreachableError("nobody answers"))
    look(looks, KeyError("a"))
    assert told() == ["it is left as it is: nobody answers", "a look failed"]
    look(looks)
    assert told()[2:] == ["HAProxy answers again"]


def test_a_fault_is_logged_once_counted_each_time_and_what_was_learnt_is_forgotten(
    looks: Looks, told: Told, forgotten: list[str]
) -> None:
    look(looks, KeyError("a"))
    look(looks, KeyError("a"))
    assert (told(), looks.faults, len(forgotten)) == (["a look failed"], 2, 2)
    look(looks, KeyError("b"))
    look(looks)
    look(looks, KeyError("b"))
    assert told() == ["a look failed"] * 3


@pytest.mark.parametrize("error", [None, HAProxyUnreachableError("nobody answers"), KeyError("a")])
def test_a_look_has_ended_whatever_came_of_it(looks: Looks, clock: Clock, error: Exception | None) -> None:
    clock.now += 3.0
    look(looks, error)
    assert looks.ended_at == clock.now


def test_who_is_told_to_end_is_no_fault(looks: Looks) -> None:
    with pytest.raises(KeyboardInterrupt):
        look(looks, KeyboardInterrupt())
    assert looks.faults == 0


def test_what_lasts_begins_once_and_ends_once(told: Told) -> None:
    lasting = Lasting(logging.getLogger("test"), begins="no node is left", ends="there is one again")
    for lasts in (False, True, True, False, False):
        lasting.note(lasts)
    assert told() == ["no node is left", "there is one again"]
