"""What is sent to a second node, counted at both ends: a real HAProxy, and nodes that die at every stage."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.faulty import FaultyNode, Stage
from pba_lab.making import NewNodes, NewSidecar
from pba_lab.patience import DEADLINE_SECONDS, eventually, eventually_async
from pba_lab.weighing import weighing
from pba_lab.wire_client import request, said, status

from pba_api.sidecar import NO_AFFINITY
from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import Check
from pba_sync.haproxy.retries import Budget, read_budget
from pba_sync.judging.limits import Limits
from pba_sync.judging.phases import Phase

SAFE = ("GET", "HEAD", "OPTIONS")
UNSAFE = ("POST", "PUT", "DELETE", "PATCH")
BODY = b"x" * 100
UNSENT = {Stage.REFUSED}
"""Nothing was sent: whatever the method, another node is asked."""
BEGUN = {Stage.BODY_BEGUN}
"""The client has a part of the answer: nothing can be made good any more."""
ANSWERS = {Stage.FAILED: 500, Stage.BUSY: 503, Stage.SILENT: 504}
"""What a client gets where nothing is retried; otherwise it is a 502."""


@pytest.fixture
def configuration(render: Callable[..., str], request: pytest.FixtureRequest) -> str:
    stage = getattr(request.node, "callspec", None)
    silent = stage is not None and stage.params.get("stage") is Stage.SILENT
    frontend = {
        # The nodes are this process: they must not be late because it stands still.
        "timeouts": {"serverSeconds": 1 if silent else 60},
        **getattr(request, "param", {}),
    }
    return render(frontend=frontend)


class NewFaulty(Protocol):
    async def __call__(self, name: str, stage: Stage) -> FaultyNode: ...


@pytest.fixture
async def new_faulty() -> AsyncIterator[NewFaulty]:
    started = []

    async def start(name: str, stage: Stage) -> FaultyNode:
        node = FaultyNode(name, stage)
        await node.start()
        started.append(node)
        return node

    yield start
    for node in started:
        node.kill()


@dataclass
class Ends:
    """What the client got, by request identifier."""

    answers: dict[str, bytes]

    def statuses(self, method: str) -> Counter[int]:
        return Counter(
            status(answer) for name, answer in self.answers.items() if name.startswith(f"{method}-")
        )


async def send(haproxy: HAProxyProcess, methods: tuple[str, ...], count: int) -> Ends:
    """Send so many requests of each method, one after another, on connections of their own."""
    answers = {}
    for method in methods:
        for number in range(count):
            name = f"{method}-{number}"
            body = b"" if method in SAFE else BODY
            answers[name] = await said(
                haproxy.port, request("/", f"X-Test-Id: {name}", method=method, body=body)
            )
    return Ends(answers)


async def joined(sidecar_of: NewSidecar, *nodes: Node | FaultyNode) -> None:
    sidecar = sidecar_of(check=Check(interval_milliseconds=500, fall=100, rise=1))
    sidecar.tell(list(nodes))  # type: ignore[arg-type]
    await eventually_async(lambda: len(sidecar.in_rotation()) == len(nodes))


@pytest.mark.parametrize("stage", Stage, ids=lambda stage: stage.name.lower())
async def test_a_node_that_dies_costs_no_safe_request_and_nothing_else_is_sent_twice(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, new_faulty: NewFaulty, stage: Stage
) -> None:
    (good,) = await new_nodes(1)
    bad = await new_faulty("bad", stage)
    await joined(new_sidecar, good, bad)
    count = 2 if stage is Stage.SILENT else 6
    ends = await send(haproxy, SAFE + UNSAFE, count)

    tries = Counter(good.executed)
    tries.update(bad.read)
    if stage in BEGUN:
        assert max(tries.values()) == 1, "nobody gets another beginning of an answer"
        assert bad.read.total() > 0
        return
    for method in SAFE:
        assert ends.statuses(method) == {200: count}, haproxy.log.read_text()
    for method in UNSAFE:
        names = [f"{method}-{number}" for number in range(count)]
        assert max(tries[name] for name in names) <= 1, "none is sent twice"
        wanted = {200} if stage in UNSENT else {200, ANSWERS.get(stage, 502)}
        assert set(ends.statuses(method)) <= wanted, method
        # who got an answer was executed, who got none was not executed elsewhere
        for name in names:
            if stage is not Stage.SILENT or status(ends.answers[name]) == 200:
                assert good.executed[name] == (status(ends.answers[name]) == 200)
    lost = sum(ends.statuses(method)[200] < count for method in UNSAFE)
    assert lost == 0 if stage in UNSENT else lost > 0, "the faulty one was asked"
    assert int(haproxy.counters("bad")["wredis"]) > 0, "and others went on from it"


async def test_what_every_node_fails_is_not_multiplied_beyond_the_budget(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_faulty: NewFaulty
) -> None:
    """A URL that is poison to every node: the share of the budget, and what is free, and no more."""
    nodes = [await new_faulty(f"bad-{number}", Stage.FAILED) for number in range(3)]
    await joined(new_sidecar, *nodes)
    count = 0

    async def client() -> None:
        nonlocal count
        for _ in range(60):
            count += 1
            assert status(await said(haproxy.port, request())) == 500

    await asyncio.gather(*(client() for _ in range(10)))
    executed = sum(node.read.total() for node in nodes)
    budget = read_budget(haproxy.ask("show table retries"))
    assert budget.spent == executed - count, "each is counted"
    # Each client may have one more under way, of three tries.
    assert 100 <= budget.spent <= 0.2 * count + 100 + 10 * 3
    assert 0 < budget.refused < count


@pytest.mark.parametrize("configuration", [{"timeouts": {"serverSeconds": 4}}], indirect=True)
async def test_where_all_nodes_hang_later_requests_have_one_try_before_any_retry_is_counted(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_faulty: NewFaulty
) -> None:
    nodes = [await new_faulty(f"bad-{number}", Stage.SILENT) for number in range(3)]
    await joined(new_sidecar, *nodes)

    def ask(name: str) -> asyncio.Task[bytes]:
        return asyncio.create_task(said(haproxy.port, request("/", f"X-Test-Id: {name}")))

    def tries(name: str) -> int:
        return sum(node.read[name] for node in nodes)

    def budget() -> Budget:
        return read_budget(haproxy.ask("show table retries"))

    with weighing(haproxy, Limits(), Affinity(NO_AFFINITY, leave_milliseconds=1000.0)) as standings:
        await eventually_async(lambda: standings)
        early = [ask(f"early-{number}") for number in range(200)]
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not budget().refused:
                early.append(ask(f"early-{len(early)}"))
                await asyncio.sleep(0.1)
        assert budget().spent == 0, "foreseen"
        late = [ask(f"late-{number}") for number in range(50)]
        assert {status(answer) for answer in await asyncio.gather(*late)} == {504}
        assert {tries(f"late-{number}") for number in range(50)} == {1}
        assert tries("early-0") > 1, "those of before are sent again"
    for task in early:
        task.cancel()


async def test_the_first_requests_are_counted_that_come_at_the_same_moment(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_faulty: NewFaulty
) -> None:
    """In a table with room for one entry, 5 of 10 were not in one of some 750 turns (two threads, two processors)."""
    node = await new_faulty("bad", Stage.FAILED)
    await joined(new_sidecar, node)
    for _ in range(500):
        before = node.read.total()
        await asyncio.gather(*(said(haproxy.port, request()) for _ in range(10)))
        assert read_budget(haproxy.ask("show table retries")).spent == node.read.total() - before - 10
        await eventually_async(lambda: "use=0" in haproxy.ask("show table retries"))  # else it is not cleared
        haproxy.ask("clear table retries")
        assert "use=" not in haproxy.ask("show table retries")


async def test_what_fails_on_trial_counts_as_a_retry(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, new_faulty: NewFaulty
) -> None:
    (good,) = await new_nodes(1)
    bad = await new_faulty("bad", Stage.FAILED)
    await joined(new_sidecar, good, bad)
    haproxy.ask(commands.set_weight("bad", 0).text)
    haproxy.ask(commands.give_trial("bad").text)
    assert status(await said(haproxy.port, request())) == 200
    assert bad.read.total() == 1
    assert read_budget(haproxy.ask("show table retries")).spent == 1


@pytest.mark.parametrize("configuration", [{"retries": {"budgetPercent": 0}}], indirect=True)
async def test_without_a_budget_nothing_is_sent_twice(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, new_faulty: NewFaulty
) -> None:
    (good,) = await new_nodes(1)
    bad = await new_faulty("bad", Stage.EXECUTED)
    await joined(new_sidecar, good, bad)
    ends = await send(haproxy, ("GET", "POST"), 6)
    assert {*ends.statuses("GET")} == {*ends.statuses("POST")} == {200, 502}
    tries = Counter(good.executed)
    tries.update(bad.read)
    assert set(tries.values()) == {1}


async def test_a_node_whose_failures_others_make_good_is_put_out(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, new_faulty: NewFaulty
) -> None:
    good = await new_nodes(3)
    bad = await new_faulty("bad", Stage.FAILED)
    await joined(new_sidecar, *good, bad)
    with weighing(haproxy, Limits(gap_milliseconds=5_000.0)) as standings:
        await asyncio.to_thread(eventually, lambda: standings)
        answers: list[bytes] = []
        while standings[-1].marks["bad"].phase is not Phase.OUT and len(answers) < 2000:
            answers.append(await said(haproxy.port, request()))
        assert standings[-1].marks["bad"].phase is Phase.OUT
        assert {name for name, mark in standings[-1].marks.items() if mark.phase is Phase.OUT} == {"bad"}
    assert {status(answer) for answer in answers} == {200}
    assert bad.read.total() < 100


async def test_a_big_request_is_not_kept_for_a_second_try(
    haproxy: HAProxyProcess, new_sidecar: NewSidecar, new_nodes: NewNodes, new_faulty: NewFaulty
) -> None:
    """HAProxy holds as much of a request as its buffer (16 KiB): a GET with more than that has one try."""
    (good,) = await new_nodes(1)
    bad = await new_faulty("bad", Stage.EXECUTED)
    await joined(new_sidecar, good, bad)
    for number in range(4):
        await said(haproxy.port, request("/", f"X-Test-Id: big-{number}", body=b"x" * 100_000))
    tries = Counter(good.executed)
    tries.update(bad.read)
    assert set(tries.values()) == {1}
    assert bad.read.total() > 0
