"""The application's schema and account in a real MySQL; and what only a real one can show of them."""

from __future__ import annotations

from typing import Any

from pba_standin.contract.accounts import AccountsContract
from pba_standin.contract.question import PASSWORD, Question

from pba_operator.domain.database import layout
from pba_operator.domain.model import AccountState

Pod = Any


class TestAccounts(AccountsContract):
    """Of mysqld: `tests/unit/standin/test_contract.py` asks the stand-in the same."""

    def assert_usable(self, question: Question) -> None:
        super().assert_usable(question)
        with question.log_in() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
            cursor.execute("INSERT INTO t VALUES (1)")
            cursor.execute("DROP TABLE t")

    def test_a_password_that_the_server_refuses_is_told_without_it(self, question: Question) -> None:
        question.subject.sql("INSTALL COMPONENT 'file://component_validate_password'")
        try:
            question.password = "weak-one"
            answer = question.ask()
        finally:
            question.subject.sql("UNINSTALL COMPONENT 'file://component_validate_password'")
        assert answer.state is AccountState.REFUSED
        assert "policy" in answer.detail
        assert "weak-one" not in answer.detail

    def test_no_password_is_in_any_log(self, question: Question, subject: Pod) -> None:
        question.ask()
        _user, admin = subject.admin
        volume = subject.mount(layout.DATA_DIR)
        logs = [subject.log.encode(), *(path.read_bytes() for path in volume.glob("binlog.*"))]
        assert len(logs) > 1
        for secret in (PASSWORD, admin):
            assert not any(secret.encode() in log for log in logs)
