"""The whole operator, which speaks to the real API server through a proxy; the tests' own hands reach it directly."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pba_faults.judge import Judge
from pba_faults.proxy import Road, road
from pba_simulation.real import PATIENCE, Hands, Namespace, Object, RunningOperator, eventually, pbacluster
from pba_standin.standin import StandIn

from pba_hack.apiserver import ApiServer
from pba_operator.engine import process

CATCH_UP = 10.0
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

    def begin(self, **options: Any) -> RunningOperator:
        """Start an operator, and wait until it acts."""
        operator = RunningOperator(self.place, f"operator-{len(self.operators)}", **options)
        self.operators.append(operator)
        operator.start()
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

    def until(self, holds: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Wait for a condition while nodes and controllers work."""

        def working() -> Any:
            self.hands.work()
            return holds()

        return eventually(working, what, seconds)

    def catch_up(self, *conditions: Callable[[], Any]) -> None:
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
        before = self.judge.writes()
        self.restart()
        eventually(self.is_idle, "no rest")
        assert self.judge.writes() == before

    def replicas(self, name: str = "shop-backend") -> int | None:
        found = (self.place.get("Deployment", name) or {}).get("spec", {}).get("replicas")
        return int(found) if found is not None else None

    def image(self, name: str = "shop-management") -> str:
        live = self.place.get("Deployment", name) or {}
        return str(live["spec"]["template"]["spec"]["containers"][0]["image"])


def _end_thread(why: str) -> NoReturn:
    """Stand for the end of the process: the operator's thread ends, and pytest does not."""
    raise SystemExit(why)


@pytest.fixture
def trial(
    api_server: ApiServer,
    crd: str,
    namespace: str,
    mysql: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Trial]:
    """A fresh namespace and a proxy; no operator yet."""
    assert crd
    monkeypatch.setattr(process, "end_at_once", _end_thread)
    place = Namespace(api_server, namespace, mysql)
    with road(api_server, tmp_path) as way:
        monkeypatch.setenv("KUBECONFIG", str(way.kubeconfig))
        made = Trial(place, Hands(place), way, Judge(api_server.audit_log, namespace))
        with contextlib.ExitStack() as stack:
            stack.callback(made.stop)
            stack.callback(way.clear)
            yield made


@pytest.fixture
def shop() -> Callable[..., Object]:
    def make(**spec: Any) -> Object:
        return pbacluster(**{"backend": {"replicas": 3}, "frontend": {"image": "haproxy:3"}, **spec})

    return make


@pytest.fixture
def settled(trial: Trial, shop: Callable[..., Object]) -> Trial:
    """A whole PBACluster that is ready, and an operator that acts."""
    trial.begin()
    trial.place.create(shop())
    trial.until(trial.is_well, "ready", 60)
    return trial
