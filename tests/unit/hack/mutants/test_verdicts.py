"""A verdict is kept as long as nothing that it rests on has changed, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.mutants.verdicts import ENDLESS, KILLED, SURVIVED, Verdict, Verdicts

INDEX = {"drift.x_stamp__mutmut_1": {"hash": "f1"}}
NAME = "drift.x_stamp__mutmut_1"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "verdicts.jsonl"


def test_the_next_run_knows_what_the_last_one_found(file: Path) -> None:
    verdict = Verdict(NAME, "f1", "t1", KILLED, "test_a")
    Verdicts(file).add(verdict)
    assert Verdicts(file).valid(INDEX, "t1", ["test_a"]) == {NAME: verdict}


def test_the_last_word_counts(file: Path) -> None:
    Verdicts(file).add(Verdict(NAME, "f1", "t1", SURVIVED))
    Verdicts(file).add(Verdict(NAME, "f1", "t1", KILLED, "test_a"))
    assert Verdicts(file).valid(INDEX, "t1", ["test_a"])[NAME].outcome == KILLED


@pytest.mark.parametrize("outcome", [KILLED, SURVIVED, ENDLESS])
def test_a_function_that_changed_is_asked_again(file: Path, outcome: str) -> None:
    Verdicts(file).add(Verdict(NAME, "before", "t1", outcome, "test_a"))
    assert not Verdicts(file).valid(INDEX, "t1", ["test_a"])


def test_more_tests_may_kill_who_survived(file: Path) -> None:
    Verdicts(file).add(Verdict(NAME, "f1", "t1", SURVIVED))
    assert not Verdicts(file).valid(INDEX, "t2", ["test_a"])


def test_a_kill_outlives_other_tests_but_not_its_own(file: Path) -> None:
    Verdicts(file).add(Verdict(NAME, "f1", "t1", KILLED, "test_a"))
    assert Verdicts(file).valid(INDEX, "t2", ["test_a", "test_b"])
    assert not Verdicts(file).valid(INDEX, "t2", ["test_b"])
