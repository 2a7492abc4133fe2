"""The stand-in does for the operator what a real mysqld does: `tests/e2e/mysql` asks that the same."""

from __future__ import annotations

from pba_standin.contract.accounts import AccountsContract
from pba_standin.contract.answers import SCENES, AnswersContract, recorded
from pba_standin.contract.failures import FailuresContract


class TestAccounts(AccountsContract):
    """Of the stand-in."""


class TestAnswers(AnswersContract):
    """Of the stand-in."""


class TestFailures(FailuresContract):
    """Of the stand-in."""


def test_nothing_is_written_down_that_nobody_asks_any_more() -> None:
    assert list(recorded()) == list(SCENES)
