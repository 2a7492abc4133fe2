"""A PBACluster, an operator behind a proxy, and what is promised to hold soon after each fault."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pba_simulation.real import PATIENCE, Hands, Namespace, RunningOperator, eventually

from pba_faults.judge import Judge
from pba_faults.proxy import Road

T = TypeVar("T")

CATCH_UP: Final = 10.0
"""Seconds after the end of a fault until all must be as if there had been none: a promise to the user."""


class Trial:
    """A namespace, the road to it, and whoever acts in it."""

    def __init__(self, place: Namespace, hands: Hands, way: Road, judge: Judge) -> None:
        self.place = place
        self.hands = hands
        self.road = way
        self.judge = judge
        self.operators: list[RunningOperator] = []

    @property
    def operator(self) -> RunningOperator:
        return self.operators[-1]

    def prepare(self) -> RunningOperator:
        """Start an operator."""
        operator = RunningOperator(self.place, f"operator-{len(self.operators)}")
        self.operators.append(operator)
        operator.start()
        return operator

    def begin(self) -> RunningOperator:
        """Start an operator, and wait until it acts."""
        operator = self.prepare()
        eventually(lambda: operator.leads, "the operator does not begin to act")
        return operator

    def stop(self) -> None:
        """End all operators."""
        for operator in self.operators:
            operator.stop()

    def restart(self) -> None:
        """End the operator, and start another one that knows nothing."""
        self.operator.stop()
        self.begin()

    def edit(self, **spec: Any) -> None:
        self.place.patch("PBACluster", "shop", {"spec": spec})

    def probe(self, name: str) -> tuple[int, str]:
        """Return status and text of a probe of the operator's, as the kubelet asks it."""
        url = f"http://127.0.0.1:{self.operator.configuration.http_port}/{name}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_passing(self) -> bool:
        """Tell whether the kubelet would find the operator alive and ready."""
        return {self.probe("healthz"), self.probe("readyz")} == {(200, "ok")}

    def get_well(self) -> None:
        """Wait, no longer than is promised, until the kubelet is content."""
        eventually(self.is_passing, f"well {CATCH_UP:.0f} s after the end of the fault", CATCH_UP)

    def is_idle(self) -> bool:
        """Tell whether the operator has nothing on its desk."""
        process = self.operator.process
        return process is not None and process.engine.queue.idle

    def is_well(self) -> bool:
        """Let nodes and controllers work; tell whether the PBACluster is ready."""
        self.hands.work()
        return self.place.is_ready()

    def is_at_rest(self) -> bool:
        """Let nodes and controllers work; tell whether the PBACluster is ready, and its last Event written."""
        return self.is_well() and self.is_idle()

    def until(self, holds: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
        """Wait for a condition while nodes and controllers work."""

        def working() -> T | None:
            self.hands.work()
            return holds()

        return eventually(working, what, seconds)

    def catch_up(self, *conditions: Callable[[], object]) -> None:
        """Wait, no longer than is promised, until it is ready and the conditions hold."""
        self.until(
            lambda: self.place.is_ready() and all(holds() for holds in conditions),
            f"caught up {CATCH_UP:.0f} s after the end of the fault",
            CATCH_UP,
        )

    def assert_right(self, deleted: tuple[str, ...] = ()) -> None:
        """Make sure that nothing was written twice, nothing was taken back, and nothing else deleted."""
        assert self.judge.doubled() == []
        assert self.judge.reverted() == []
        assert sorted(self.judge.deleted()) == sorted(deleted)

    def assert_at_rest(self) -> None:
        """Make sure that nothing is left to do: an operator that begins anew has nothing to write."""
        self.until(self.is_at_rest, "at rest")
        before = self.judge.writes()
        self.restart()
        eventually(self.is_idle, "no rest")
        assert self.judge.writes() == before

    def replicas(self, name: str = "shop-backend") -> int | None:
        found = (self.place.get("Deployment", name) or {}).get("spec", {}).get("replicas")
        return int(found) if found is not None else None

    def renewed(self) -> str:
        """Return when the operators' Lease was renewed last; empty if there is none."""
        lease = self.place.get("Lease", "pba-operator") or {"spec": {}}
        return str(lease["spec"].get("renewTime", ""))

    def image(self, name: str = "shop-management") -> str:
        live = self.place.get("Deployment", name) or {}
        return str(live["spec"]["template"]["spec"]["containers"][0]["image"])
