"""`scale-failed*`, `roll-failed*`, `roll-frontends-failed`: the set of pods changes as is meant, and nothing may fail.

Nobody tries again: clients never do, and each request that a frontend has sent to a second node counts as failed.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pba_api.sidecar import COOKIE
from pba_hack.bench.balancer.nodes.cluster import NAME, PLAIN_SERVICE, Peer, Wanted
from pba_hack.bench.balancer.nodes.counting import Moment, stayed
from pba_hack.bench.balancer.nodes.outside import Found, on_cluster
from pba_hack.bench.balancer.nodes.proxy import PROXY
from pba_hack.bench.balancer.nodes.stage import RATE, REPEATS, USERS, Seen, Stage
from pba_hack.bench.case import Case
from pba_hack.kubectl import wait_for

Json = dict[str, Any]

MANY: Final = 5
FEW: Final = 2
ROLLED: Final = 3
SCALINGS: Final = 4
"""In each repeat."""
_ROLLED_SECONDS: Final = 420.0


def failed(seen: Seen) -> float:
    """Return how many requests failed, were sent to a second node, or were executed wrongly."""
    return seen.load.failures.total() + seen.retried + seen.books.wrong


def scale(stage: Stage) -> None:
    """Scale the backends down and up again, and that again."""
    for _ in range(1 if stage.orders.short else SCALINGS):
        for count in (FEW, MANY):
            stage.kubectl("scale", f"pbacluster/{NAME}", f"--replicas={count}")
            stage.await_backends(count)


def roll_backends(stage: Stage) -> None:
    """Replace all backends."""
    before = _names(stage.pods("backend"))
    _change(stage, "backend")
    _await_replaced(stage, before)


def roll_frontends(stage: Stage) -> None:
    """Replace all frontends, and at the same time the peer's pods."""
    before = _names(stage.pods("frontend")) | _names(proxies(stage))
    stage.kubectl("rollout", "restart", f"deployment/{PROXY.deployment}")
    _change(stage, "frontend")
    _await_replaced(stage, before)


def proxies(stage: Stage) -> list[Json]:
    """Return the peer's pods."""
    return stage.kubectl.items("pods", f"app={PROXY.deployment}")


def _change(stage: Stage, part: str) -> None:
    """Change what means nothing to the pods of a part, and needs new ones."""
    change = {"spec": {part: {"pod": {"annotations": {"bench/roll": uuid.uuid4().hex}}}}}
    stage.kubectl.merge("pbacluster", NAME, change)


def _await_replaced(stage: Stage, before: set[str]) -> None:
    """Return when none of these pods is left, and all is Ready; their sidecars are looked at until they go."""

    def replaced() -> bool:
        stage.look_at_retries()
        there = [*stage.pods("backend"), *stage.pods("frontend"), *proxies(stage)]
        return not before & _names(there)

    wait_for("all pods to be new", replaced, _ROLLED_SECONDS)
    stage.await_backends(ROLLED)


def _names(pods: Iterable[Json]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


@dataclass(frozen=True)
class Change:
    """What is done to how many backends, whether clients stay on them, and what is asked beside."""

    act: Callable[[Stage], None]
    backends: int
    affinity: str = "None"
    peer: Peer = PLAIN_SERVICE

    @property
    def users(self) -> int:
        """How many users keep cookies."""
        return USERS if self.affinity == COOKIE else 0


CHANGES: Final[Mapping[str, Change]] = {
    "scale-failed": Change(scale, MANY),
    "scale-failed-cookie": Change(scale, MANY, COOKIE),
    "roll-failed": Change(roll_backends, ROLLED),
    "roll-failed-cookie": Change(roll_backends, ROLLED, COOKIE),
    "roll-frontends-failed": Change(roll_frontends, ROLLED, peer=PROXY),
}


def perform(stage: Stage) -> Found:
    """Make the change, again and again."""
    change = CHANGES[stage.orders.case]
    stage.set_up(Wanted(change.backends, change.affinity, peer=change.peer))

    def happen() -> Moment:
        began = time.time()
        change.act(stage)
        return Moment(began, time.time())

    return stage.repeated(happen, failed, partial(_tell, change.users), users=change.users)


def _tell(users: int, seen: Seen) -> str:
    return f"{stayed(seen.load, users):.1%} went where their user's last went; " if users else ""


def _case(case: str, measures: str) -> Case:
    return Case(
        id=case, unit="requests", reach="== 0", measures=measures, measure=partial(on_cluster, __name__, case)
    )


_SCALE: Final = (
    f"that fail, or need a second node, in {SCALINGS * REPEATS} scale-downs from {MANY} to {FEW} backends and back, "
    f"{RATE:.0f} requests/s"
)
_ROLL: Final = (
    f"that fail, or need a second node, while all of {ROLLED} backends are replaced, {RATE:.0f} requests/s"
)
_COOKIE: Final = ", clients bound to nodes by cookies"
CASES: Final = (
    _case("scale-failed", _SCALE),
    _case("scale-failed-cookie", f"{_SCALE}{_COOKIE}"),
    _case("roll-failed", _ROLL),
    _case("roll-failed-cookie", f"{_ROLL}{_COOKIE}"),
    _case(
        "roll-frontends-failed",
        f"that fail, or need a second node, while both frontends are replaced, {RATE:.0f} requests/s",
    ),
)
