"""The weigher beside a model of HAProxy, lines of what was answered, and one node of four that fails."""

from __future__ import annotations

import json

import pytest
from pba_lab.making import Answered, Join
from pba_lab.model import HAProxyModel
from pba_lab.modelled import Clock, ModelledHAProxy

from pba_sync.balancer.weigher import LOOK_SECONDS, Weigher, WeigherHooks
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Check
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Standings


@pytest.fixture
def join(haproxy: ModelledHAProxy) -> Join:
    """Add a server that is ready."""

    def add(name: str) -> None:
        haproxy.run(commands.add_server(name, "10.0.0.1", 8080, Check(500, 2, 2), 100, 128))
        haproxy.run(commands.set_ready(name))

    return add


@pytest.fixture
def seen() -> list[Standings]:
    return []


@pytest.fixture
def weigher(haproxy: ModelledHAProxy, join: Join, clock: Clock, seen: list[Standings]) -> Weigher:
    for number in range(4):
        join(f"n{number}")
    made = Weigher(haproxy, Limits(), WeigherHooks(clock, seen.append))
    made.step()  # what was before it does not count
    return made


@pytest.fixture
def answered(model: HAProxyModel) -> Answered:
    """Write lines as HAProxy does."""

    def write(
        node: str, count: int, status: int = 200, milliseconds: int = 20, trial: str = "", retries: int = 0
    ) -> None:
        for _ in range(count):
            times = {"response_ms": milliseconds, "total_ms": milliseconds}
            fields = {
                "node": node,
                "status": status,
                "end": "--",
                "trial": trial,
                "retries": retries,
                **times,
            }
            model.answers.append(json.dumps({**fields, "request_id": len(model.answers)}))

    return write


@pytest.fixture
def one_fails(weigher: Weigher, answered: Answered, clock: Clock) -> str:
    """Have one of four fail, and be put out."""
    for number in range(4):
        answered(f"n{number}", 50)
    weigher.step()
    clock.sleep(LOOK_SECONDS)
    answered("n2", 5, status=500)
    assert weigher.step() == LOOK_SECONDS
    return "n2"
