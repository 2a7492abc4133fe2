"""`burst-out`, `burst-in`: half of a thousand nodes go, or come, at once, under load."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.frontend import READY, TERMINATING, Pod, announce, pods, rotation
from pba_hack.bench.balancer.stage import Found, Stage, in_namespace
from pba_hack.bench.case import Case
from pba_hack.waiting import wait_for

NODES: Final = 1000
SHORT_NODES: Final = 100
_HALF: Final = f"{NODES // 2} of {NODES:,}"
OUT: Final = "burst-out"
IN: Final = "burst-in"


def nodes(_case: str) -> int:
    """Return how many nodes there are."""
    return NODES


def perform(stage: Stage) -> Found:
    """Have half of the nodes go, or come, once behind each frontend."""
    count = SHORT_NODES if stage.orders.short else NODES
    stage.serving = count if stage.orders.case == OUT else count // 2
    return stage.in_turn(partial(_burst, stage, count))


def _burst(stage: Stage, count: int, balancer: Balancer) -> float:
    with stage.under_load(balancer):
        return _change(stage, count, balancer)


def _change(stage: Stage, count: int, balancer: Balancer) -> float:
    """Tell of the change; return after how many seconds HAProxy's rotation is as it should be."""
    half = count // 2
    time.sleep(stage.dice.uniform(0.5, 1.5))  # so that it agrees with no clock of the sidecar's
    stay, others = _pods(stage, 0, half, READY), _pods(stage, half, count, _state(stage))
    wanted = {pod.name for pod in stay} | {pod.name for pod in others if pod.state == READY}
    (socket,) = balancer.sockets
    began = time.monotonic()
    announce(stage.server, [*stay, *others])
    told = time.monotonic() - began
    wait_for("the rotation to be as it should", lambda: rotation(socket) == wanted, poll_seconds=0.05)
    took = time.monotonic() - began
    if stage.orders.case == IN:
        # The next frontend begins without them.
        announce(stage.server, [*stay, *_pods(stage, half, count, TERMINATING)])
    stage.note(f"{took:.2f} s, of them {told:.2f} s to write the EndpointSlices one after another")
    return took


def _state(stage: Stage) -> str:
    return TERMINATING if stage.orders.case == OUT else READY


def _pods(stage: Stage, first: int, end: int, state: str) -> list[Pod]:
    return [Pod(pod.name, pod.address, state) for pod in pods(stage.nodes.addresses[:end])[first:]]


def _case(case: str, measures: str) -> Case:
    measure = partial(in_namespace, __name__, case, ())
    return Case(id=case, unit="s", reach="<= 2", measures=measures, measure=measure)


CASES: Final = (
    _case(OUT, f"from the EndpointSlices that tell that {_HALF} nodes go until none is in rotation"),
    _case(IN, f"from the EndpointSlices that tell that {_HALF} nodes are new until all are in rotation"),
)
