"""A statement's way from its text to its result."""

from __future__ import annotations

from typing import Final

from pba_standin import changes, queries
from pba_standin.errors import SqlError, UnknownHere
from pba_standin.execution import Result, execute
from pba_standin.grammar import parse, parse_script
from pba_standin.session import Session

SORTS: Final = (changes, queries)
"""The modules that know how statements are carried out: imported, each has told `execute` of its own."""


def carry_out(text: str, session: Session) -> Result:
    """Carry out a statement.

    Raises:
        SqlError: MySQL would refuse it, or it is not known here.
    """
    return execute(parse(text), session)


def run_init_file(text: str, session: Session) -> None:
    """Carry out a file as mysqld does at its start: it stops at the first statement that fails, and starts then.

    Raises:
        UnknownHere: something in it is not known here.
    """
    for statement in parse_script(text):
        try:
            execute(statement, session)
        except UnknownHere:
            raise
        except SqlError:
            return
