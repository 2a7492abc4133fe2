"""Bug class: resource leaks. However often MySQL is asked, and however that ends, nothing stays open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from pba_standin.contract.pretended import PretendedMember
from pba_standin.contract.question import Question
from pba_standin.errors import SqlError
from pba_standin.server import Interruption

from pba_hack.waiting import wait_for
from pba_operator.domain.model import AccountState, DatabaseObservation
from pba_operator.mysql.accounts import THREADS, MySQLAccounts

TIMES = 25
CLOSED_SECONDS = 10.0


def _may_write() -> None:
    """Hold the Lease."""


def _files() -> int:
    """Return how many files and connections this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def _threads(*, mysql: bool) -> list[threading.Thread]:
    """Return the threads that ask MySQL, or all others."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("mysql") is mysql]


def _closed(holds: Callable[[], bool]) -> None:
    """Wait until the server has seen that its clients have gone."""
    wait_for("its end to be seen", holds, CLOSED_SECONDS, poll_seconds=0.01)


def _wrong(subject: PretendedMember) -> Question:
    """Return a question that MySQL refuses: the operator's own password is another."""
    question = Question(subject)
    admin = question.secrets[question.wanted.admin_ref]
    question.secrets[question.wanted.admin_ref] = {"data": {**admin["data"], "password": "d3Jvbmc="}}
    return question


async def _asked(accounts: MySQLAccounts, subject: PretendedMember) -> list[DatabaseObservation]:
    """Ask in every way, several at once; return the answers."""
    server = subject.stand_in.server(subject.host)
    good, wrong = Question(subject), _wrong(subject)
    answers = await asyncio.gather(
        *(accounts.ensure(question.wanted, question.secrets, _may_write) for question in (good, wrong, good))
    )
    for error in (None, SqlError(1053, "Server shutdown in progress")):
        server.interruptions.append(Interruption("SELECT VERSION()", error, is_done=False))
        answers.append(await accounts.ensure(good.wanted, good.secrets, _may_write))
    return answers


async def test_resource_leaks_asking_mysql_leaves_no_connection_thread_or_file(
    subject: PretendedMember,
) -> None:
    accounts = MySQLAccounts(port=subject.port, connect=subject.connect)
    server = subject.stand_in.server(subject.host)
    for _ in range(THREADS):
        await _asked(accounts, subject)
    _closed(lambda: server.connections == 0)
    files, others = _files(), len(_threads(mysql=False))
    states = [answer.state for _ in range(TIMES) for answer in await _asked(accounts, subject)]
    assert states.count(AccountState.READY) == 2 * TIMES
    assert states.count(AccountState.REFUSED) == TIMES
    assert states.count(AccountState.UNREACHABLE) == 2 * TIMES
    _closed(lambda: server.connections == 0)
    _closed(lambda: len(_threads(mysql=False)) <= others)
    assert _files() <= files
    mine = _threads(mysql=True)
    assert len(mine) <= THREADS, "a pool makes another one while the one that is done has not said so yet"
    accounts.close()
    _closed(lambda: not any(thread.is_alive() for thread in mine))
