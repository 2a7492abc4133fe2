"""Whoever no longer waits for MySQL (the Lease is given back, the deadline is over) has nothing more written there."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self

import pytest
from pba_standin.material import WANTED

from pba_operator.domain.model import ChildId, Manifest
from pba_operator.kube.errors import Fenced
from pba_operator.mysql.accounts import MySQLAccounts


class _Slow:
    """A connection (and its cursor) to an empty server that answers the first statement late."""

    open = True

    def __init__(self, said: list[str], asked: threading.Event, answer: threading.Event) -> None:
        self._said, self._asked, self._answer = said, asked, answer

    def cursor(self) -> _Slow:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def close(self) -> None:
        """End."""

    def execute(self, statement: str, _values: object) -> None:
        self._said.append(statement)
        self._asked.set()
        self._answer.wait(10)

    def fetchall(self) -> list[tuple[Any, ...]]:
        last = self._said[-1]
        return [("9.7.4",)] if "VERSION" in last else [(0,)] if "revokes" in last else []


async def test_who_may_not_write_any_more_sends_no_further_statement(
    secrets: dict[ChildId, Manifest],
) -> None:
    said: list[str] = []
    asked, answer = threading.Event(), threading.Event()
    answer.set()

    def may_write() -> None:
        if asked.is_set():
            raise Fenced("the Lease was given back")

    connect: Any = lambda **_: _Slow(said, asked, answer)  # noqa: E731 - it stands for a connection
    accounts = MySQLAccounts(threads=1, connect=connect)
    with pytest.raises(Fenced):
        await accounts.ensure(WANTED, secrets, may_write)
    accounts.close()
    assert said == ["SELECT VERSION()"]


async def test_who_no_longer_waits_writes_nothing_more(secrets: dict[ChildId, Manifest]) -> None:
    said: list[str] = []
    asked, answer = threading.Event(), threading.Event()
    connect: Any = lambda **_: _Slow(said, asked, answer)  # noqa: E731 - it stands for a connection
    accounts = MySQLAccounts(threads=1, connect=connect)
    task = asyncio.create_task(accounts.ensure(WANTED, secrets, lambda: None))
    await asyncio.to_thread(asked.wait)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    accounts.close()
    answer.set()  # as MySQL would, some seconds later; meanwhile the Lease was given back
    await asyncio.get_running_loop().run_in_executor(None, accounts._threads.shutdown)
    assert [line for line in said if line.startswith(("CREATE", "GRANT", "ALTER"))] == []
