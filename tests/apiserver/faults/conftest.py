"""The whole operator, which speaks to the real API server through a proxy; the tests' own hands reach it directly."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pba_faults.judge import Judge
from pba_faults.proxy import road
from pba_faults.trial import Trial
from pba_simulation.real import Hands, Namespace, Object, pbacluster
from pba_standin.standin import StandIn

from pba_hack.apiserver import ApiServer
from pba_operator.engine import process


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
    """A whole PBACluster that is ready, and an operator that has nothing left to do."""
    trial.begin()
    trial.place.create(shop())
    trial.until(trial.is_at_rest, "ready", 60)
    return trial
