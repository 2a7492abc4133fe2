"""The stand-in does for the operator what a real mysqld does: `tests/e2e/mysql` asks that the same."""

from __future__ import annotations

from pba_standin.contract.accounts import AccountsContract
from pba_standin.contract.answers import AnswersContract
from pba_standin.contract.failures import FailuresContract


class TestAccounts(AccountsContract):
    """Of the stand-in."""


class TestAnswers(AnswersContract):
    """Of the stand-in."""


class TestFailures(FailuresContract):
    """Of the stand-in."""
