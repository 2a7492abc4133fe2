"""The cases of many PBAClusters: memory and processor time of an idle operator, and how soon a restart is over."""

from __future__ import annotations

import threading
import time
from typing import Final

import orjson
from pba_faults.replica import Replica

from pba_api.identity import LABEL_CLUSTER
from pba_hack import process_usage
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.operator.crowd import HALF_REFER, NUMBER, Crowd, crowd
from pba_hack.bench.rounds import side_by_side
from pba_hack.bench.samples import Values
from pba_operator.domain.model import Manifest
from pba_operator.kube import kinds
from pba_operator.kube.page import PAGE_SIZE

SHORT: Final = 10
"""PBAClusters of the short form."""
STARTS: Final = 3
ROUNDS: Final = 9
"""So many that an interval at 95 % leaves out one extreme at each end: of five, one hiccup of the floor decides."""
CALM_SECONDS: Final = 60.0
"""From all seen to the look at the memory."""
IDLE_SECONDS: Final = 600.0
"""Long enough for everything that is done every ten minutes: the listing of all kinds comes after `RESYNC_SECONDS` and
at most a tenth more, of which the calm seconds have gone by before."""


def _size(trial: Trial) -> int:
    return SHORT if trial.short else NUMBER


def _calm(trial: Trial, seconds: float) -> None:
    threading.Event().wait(5.0 if trial.short else seconds)


def _memory(trial: Trial) -> Measured:
    figures, peaks = [], []
    with crowd(trial, _size(trial)) as made:
        for start in range(STARTS):
            with made.operator(f"operator-{start}") as operator:
                made.await_seen(operator)
                _calm(trial, CALM_SECONDS)
                figures.append(process_usage.resident_mib(operator.pid))
                peaks.append(process_usage.peak_mib(operator.pid))
                trial.progress.say(f"start {start + 1} of {STARTS}: {figures[-1]:.0f} MiB")
    peak = f"at most {max(peaks):.1f} MiB until then (VmHWM)"
    return Measured(Values(figures), (f"VmRSS {CALM_SECONDS:.0f} s after a start; {peak}", HALF_REFER))


def _processor(trial: Trial) -> Measured:
    with crowd(trial, _size(trial)) as made, made.operator("operator") as operator:
        made.await_seen(operator)
        _calm(trial, CALM_SECONDS)
        before, asked, began = (
            process_usage.processor_seconds(operator.pid),
            _asked(operator),
            time.monotonic(),
        )
        _calm(trial, IDLE_SECONDS)
        seconds = time.monotonic() - began
        share = (process_usage.processor_seconds(operator.pid) - before) / seconds
        per_minute = (_asked(operator) - asked) / seconds * 60
        memory = process_usage.memory_note(operator.pid)
    notes = (
        f"{seconds:.0f} s, {per_minute:.1f} requests to the API server a minute",
        f"at their end: {memory}",
        HALF_REFER,
    )
    return Measured(Values([share]), notes)


def _asked(operator: Replica) -> float:
    prefix = "pba_operator_api_requests_total{"
    return sum(value for name, value in operator.metrics().items() if name.startswith(prefix))


def _restart(trial: Trial) -> Measured:
    with crowd(trial, _size(trial)) as made:
        with made.operator("before") as operator:  # a restart is of one that made the accounts in MySQL
            made.await_seen(operator)
        starts = iter(range(ROUNDS))

        def start() -> float:
            began = time.monotonic()
            with made.operator(f"operator-{next(starts)}") as operator:
                made.await_seen(operator)
                return time.monotonic() - began

        rounds = 1 if trial.short else ROUNDS
        listed = lambda: list_everything(made)  # noqa: E731 - the floor
        samples = side_by_side(start, listed, rounds=rounds, dice=trial.dice(), told=trial.progress.say)
    floor = "the floor: one client lists the same kinds, page by page, and reads the JSON by the operator's library"
    return Measured(samples, (floor, HALF_REFER))


def list_everything(made: Crowd) -> float:
    """Return how many seconds one client needs to list what the operator looks at, as it pages."""
    began = time.monotonic()
    for kind in kinds.WATCHED:
        query = {"limit": str(PAGE_SIZE)}
        if kind != kinds.CLUSTER:
            query["labelSelector"] = LABEL_CLUSTER
        following: str | None = ""
        while following is not None:
            page: Manifest = orjson.loads(made.server.request("GET", kind.path(), **query).data)
            following = page["metadata"].get("continue") or None
            query["continue"] = following or ""
    return time.monotonic() - began


MEMORY: Final = Case(
    id=f"idle-memory-{NUMBER}",
    unit="MiB",
    reach="<= 150",
    measures=f"resident memory of an operator of {NUMBER:,} idle PBAClusters",
    measure=_memory,
    edition=2,
)
PROCESSOR: Final = Case(
    id=f"idle-cpu-{NUMBER}",
    unit="cores",
    reach="<= 0.01",
    measures=f"share of a core that an operator of {NUMBER:,} idle PBAClusters uses in {IDLE_SECONDS / 60:.0f} minutes",
    measure=_processor,
    edition=3,
)
RESTART: Final = Case(
    id=f"restart-{NUMBER}",
    unit="ratio",
    reach="<= 5",
    measures=f"start of an operator until all {NUMBER:,} PBAClusters are seen as settled / listing the same objects",
    measure=_restart,
    edition=2,
)
