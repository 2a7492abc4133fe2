from __future__ import annotations

import threading

import pytest

from pba_hack.beside import beside


def test_work_goes_on_until_the_block_is_over() -> None:
    over, done = threading.Event(), []

    def work() -> None:
        over.wait(10)
        done.append(1)

    with beside(work, end=over.set):
        assert not done
    assert done == [1]


def test_a_failure_of_the_work_is_one_of_the_whole() -> None:
    with pytest.raises(ZeroDivisionError), beside(lambda: 1 / 0):
        pass


def test_a_failure_of_the_block_is_told_first_and_the_work_is_ended() -> None:
    over = threading.Event()
    with pytest.raises(KeyError), beside(lambda: over.wait(10) and 1 / 0, end=over.set):
        raise KeyError("block")
    assert over.is_set()
