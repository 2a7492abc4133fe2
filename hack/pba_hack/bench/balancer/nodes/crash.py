"""`crash-*`: a backend's machine is gone at once, and says nothing: no connection is reset, and none refused.

It is not the machine by which clients outside of the cluster come to Services, and holds no frontend: what is shown is
what the balancer does, not how the network in front of it finds another way.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from pba_hack.bench.balancer.nodes.cluster import Wanted
from pba_hack.bench.balancer.nodes.counting import (
    GRACE_SECONDS,
    Moment,
    by_complaint,
    failed_though_safe,
    out_of_rotation,
    posts_lost,
    stalled,
)
from pba_hack.bench.balancer.nodes.outside import Found, on_cluster
from pba_hack.bench.balancer.nodes.stage import RATE, Seen, Stage
from pba_hack.bench.case import Case
from pba_hack.cluster.local.provider import LocalProvider
from pba_hack.progress import Progress

BACKENDS: Final = 3
"""One on each machine."""
LIMIT_SECONDS: Final = 2
"""The time limit of all paths: so long a node may be silent."""
AFTER_SECONDS: Final = 75.0
"""Kubernetes gives a machine up that was silent for 50 s."""
SHORT_AFTER_SECONDS: Final = 8.0


def failed(seen: Seen) -> float:
    """Return how many requests failed that need not have, and how many were executed wrongly."""
    return len(failed_though_safe(seen.load, seen.happened, LIMIT_SECONDS)) + seen.books.wrong


def out(seen: Seen) -> float:
    """Return after how many seconds no request was sent to the machine any more."""
    return out_of_rotation(seen.load, seen.happened)


FIGURES: Final[Mapping[str, Callable[[Seen], float]]] = {"crash-out": out, "crash-failed": failed}


def perform(stage: Stage) -> Found:
    """Crash the machine, again and again."""
    stage.set_up(Wanted(BACKENDS, frontend={"paths": [{"prefix": "/", "serverSeconds": LIMIT_SECONDS}]}))
    faults = LocalProvider(os.environ["PBA_CLUSTER"], Progress()).faults()

    def crash() -> Moment:
        _check(stage)
        before = time.time()
        faults.partition(stage.spare)
        moment = Moment(before, time.time())
        faults.crash(stage.spare)
        return moment

    def restart() -> None:
        faults.restart(stage.spare)
        stage.await_backends(BACKENDS)

    return stage.repeated(
        crash,
        FIGURES[stage.orders.case],
        _tell,
        after_seconds=SHORT_AFTER_SECONDS if stage.orders.short else AFTER_SECONDS,
        mend=restart,
    )


def _check(stage: Stage) -> None:
    """See that the machine holds a backend, and nothing that anybody needs to reach the others.

    Raises:
        RuntimeError: it is not so: the crash would show something else.
    """
    there = {
        part: sum(pod["spec"].get("nodeName") == stage.spare for pod in stage.pods(part))
        for part in ("backend", "frontend")
    }
    if there != {"backend": 1, "frontend": 0} or stage.gateway() == stage.spare:
        found = f"holds {there}; clients come by {stage.gateway()}"
        raise RuntimeError(f"{stage.spare} was to hold one backend and no frontend, and {found}")


def _tell(seen: Seen) -> str:
    lost = posts_lost(seen.load, seen.happened)
    others = failed_though_safe(seen.load, seen.happened, LIMIT_SECONDS)
    return (
        f"last sent to the machine after {out(seen):.2f} s; late together with all others: {len(stalled(seen.load))}; "
        f"POSTs that were there: {by_complaint(lost)}; others that failed, or took longer than "
        f"{LIMIT_SECONDS + GRACE_SECONDS} s: {by_complaint(others)}; "
    )


def _case(case: str, unit: str, reach: str, measures: str) -> Case:
    return Case(
        id=case, unit=unit, reach=reach, measures=measures, measure=partial(on_cluster, __name__, case)
    )


_WHAT: Final = f"when the machine of one of {BACKENDS} backends is gone without a word, {RATE:.0f} requests/s"
CASES: Final = (
    _case("crash-out", "s", "<= 2", f"until the last request is sent to it {_WHAT}"),
    _case(
        "crash-failed",
        "requests",
        "== 0",
        f"that fail, or take longer than their path's limit ({LIMIT_SECONDS} s) and {GRACE_SECONDS} s, {_WHAT}; "
        "POSTs that were there apart",
    ),
)
