"""Carrying out statements, each sort in one function of `queries` or `changes`."""

from __future__ import annotations

import functools
from typing import NoReturn

from pba_standin.errors import UnknownHere
from pba_standin.session import Session
from pba_standin.statements import Statement
from pba_standin.wire import Done, Rows

Result = Rows | Done


@functools.singledispatch
def execute(statement: Statement, _session: Session) -> Result:
    """Carry out a statement.

    Raises:
        SqlError: MySQL would refuse it, or it is not known here.
    """
    _refuse(statement)


def _refuse(statement: object) -> NoReturn:
    raise UnknownHere(str(statement))
