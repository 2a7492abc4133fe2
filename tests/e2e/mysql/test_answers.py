"""What a real mysqld answers, statement by statement: what is written down of it is still true."""

from __future__ import annotations

from pba_standin.contract.answers import AnswersContract, Step, write_record


class TestAnswers(AnswersContract):
    """Of mysqld: `tests/unit/standin/test_contract.py` asks the stand-in the same."""

    def write(self, scene: str, steps: list[Step]) -> None:
        write_record(scene, steps)
