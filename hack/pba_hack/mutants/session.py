"""A plugin of pytest that runs the collected tests against one mutant after another instead of once.

What must stay true: each mutant gets a process of its own, forked from one that has run no test, so none sees what
another left; only the tests that enter the mutated function are asked, the likeliest first; the unchanged program
passes all of them, or nothing is judged; the order is by chance (but always the same), so that what a run gets done
is a fair sample of what it was asked for. A mutant that only acts while tests are collected is not seen.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from pba_hack.mutants.mutate import INDEX
from pba_hack.mutants.verdicts import ENDLESS, KILLED, SURVIVED, UNTESTED, Verdict, Verdicts, order

ORDERS = "PBA_MUTANTS"
"""The environment variable with the orders: JSON with the fields of `Orders`."""
_STATUS_FAILED = 1
_PATIENCE = 10.0
"""A mutant is endless after so many times as long as its tests take, and some seconds."""

_EXAMPLES = hypothesis.settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    suppress_health_check=tuple(hypothesis.HealthCheck),
)
"""The same examples each time, and few: they are drawn again for each mutant that survives. No smallest one is looked
for: that a test fails is enough."""
_SETTINGS = "_hypothesis_internal_use_settings"
"""Where Hypothesis keeps a test's settings: it has no public way to change them later."""


@dataclass(frozen=True)
class Orders:
    """What to do: in which folder, of which modules, for how long, and the hash of the tests."""

    folder: str
    modules: list[str]
    seconds: float
    tests: str


@dataclass(frozen=True)
class Known:
    """What the unchanged program shows: how long each test takes (s), and which tests enter each function."""

    durations: Mapping[str, float]
    entering: Mapping[str, Sequence[str]]


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Let property tests draw few examples, whatever they ask for."""
    for item in items:
        test = getattr(item, "function", None)
        if hasattr(test, _SETTINGS):
            setattr(test, _SETTINGS, _EXAMPLES)


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Test the mutants; it stands in for the run of the tests."""
    if session.testsfailed or not session.items:
        raise session.Interrupted("the tests cannot be collected: nothing was judged")
    orders = Orders(**json.loads(os.environ[ORDERS]))
    folder = Path(orders.folder)
    index = json.loads((folder / INDEX).read_text())
    _Loop(session, orders, index, Verdicts(folder / "verdicts.jsonl")).run()
    return True


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _in_child(work: Callable[[], str], seconds: float) -> str | None:
    """Return what `work` returns, done in a forked process; None if it took longer than `seconds`."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = _STATUS_FAILED
        try:
            limit = int(seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.write(writing, work().encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as answer:
        in_time, _, _ = select.select([answer], [], [], seconds)
        text = answer.read() if in_time else None
    if not in_time:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return text


class _Loop:
    def __init__(
        self,
        session: pytest.Session,
        orders: Orders,
        index: Mapping[str, Mapping[str, str]],
        verdicts: Verdicts,
    ) -> None:
        self._items = {item.nodeid: item for item in session.items}
        self._orders = orders
        self._index = index
        self._verdicts = verdicts
        self._ends = time.monotonic() + orders.seconds
        self._killers: dict[str, Counter[str]] = {}
        # what stands in the place of each function and asks which mutant is to be called (none, as yet). mutmut is in
        # a dependency group of its own: the type checker does not see it
        self._trampoline: Any = importlib.import_module("mutmut.mutation.trampoline")

    def run(self) -> None:
        """Judge what is not judged yet, until the time is over."""
        judged = self._verdicts.valid(self._index, self._orders.tests, self._items)
        waiting = order(
            mutant
            for mutant, about in self._index.items()
            if about["module"] in self._orders.modules and mutant not in judged
        )
        if not waiting:
            return
        known = self._watch()
        for count, mutant in enumerate(waiting):
            if time.monotonic() >= self._ends:
                print(f"time is over: {len(waiting) - count} mutants were not judged", file=sys.stderr)
                return
            self._verdicts.add(self._judge(mutant, known))
            if count % 100 == 0:
                print(f"{count} of {len(waiting)}: {mutant}", file=sys.stderr, flush=True)

    def _watch(self) -> Known:
        answer = _in_child(self._watched, 1800.0)
        if not answer:
            raise pytest.Session.Interrupted("the unchanged program does not pass its tests")
        return Known(**json.loads(answer))

    def _watched(self) -> str:
        entered: set[str] = set()
        # mutmut would keep what is entered in a state of its own, for its own runner
        self._trampoline.record_trampoline_hit = lambda name, **_caller: entered.add(name)
        self._trampoline.get_mutant_under_test = lambda: "stats"
        durations: dict[str, float] = {}
        entering: dict[str, list[str]] = {}
        items = list(self._items.values())
        for item, following in zip(items, [*items[1:], None], strict=True):
            entered.clear()
            began = time.monotonic()
            if not _passes(item, following):
                print(f"fails without a mutant: {item.nodeid}", file=sys.stderr)
                return ""
            durations[item.nodeid] = time.monotonic() - began
            for function in entered:
                entering.setdefault(function, []).append(item.nodeid)
        return json.dumps({"durations": durations, "entering": entering})

    def _judge(self, mutant: str, known: Known) -> Verdict:
        about = self._index[mutant]
        killers = self._killers.setdefault(about["function"], Counter())
        names = sorted(
            known.entering.get(about["function"], ()),
            key=lambda name: (-killers[name], known.durations[name]),
        )
        verdict = (mutant, about["hash"], self._orders.tests)
        if not names:
            return Verdict(*verdict, UNTESTED)
        seconds = 20.0 + _PATIENCE * sum(known.durations[name] for name in names)
        killer = _in_child(lambda: self._killer(mutant, names), seconds)
        if killer is None:
            return Verdict(*verdict, ENDLESS)
        if not killer:
            return Verdict(*verdict, SURVIVED)
        killers[killer] += 1
        return Verdict(*verdict, KILLED, killer)

    def _killer(self, mutant: str, names: Sequence[str]) -> str:
        self._trampoline.get_mutant_under_test = lambda: (
            mutant
        )  # as mutmut does, without asking the environment at each call
        items = [self._items[name] for name in names]
        for item, following in zip(items, [*items[1:], None], strict=True):
            if not _passes(item, following):
                return item.nodeid
        return ""
