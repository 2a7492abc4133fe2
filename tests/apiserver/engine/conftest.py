"""The whole operator against a real API server; MySQL is a stand-in, and tests do what controllers do for pods."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pba_simulation.real import (
    Hands,
    Namespace,
    Object,
    OperatorsRequests,
    RunningOperator,
    eventually,
    pbacluster,
)
from pba_standin.standin import StandIn

from pba_hack.apiserver import ApiServer


@pytest.fixture
def place(
    api_server: ApiServer, crd: str, namespace: str, mysql: StandIn, monkeypatch: pytest.MonkeyPatch
) -> Namespace:
    assert crd
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig))
    return Namespace(api_server, namespace, mysql)


@pytest.fixture
def hands(place: Namespace) -> Hands:
    return Hands(place)


@pytest.fixture
def audit(api_server: ApiServer, place: Namespace) -> Callable[[], OperatorsRequests]:
    return lambda: OperatorsRequests(api_server.audit_log, place.name)


@pytest.fixture
def operator(place: Namespace) -> Iterator[RunningOperator]:
    running = RunningOperator(place)
    running.start()
    try:
        eventually(lambda: running.leads, "the operator does not begin to act")
        yield running
    finally:
        running.stop()


@pytest.fixture
def shop() -> Callable[..., Object]:
    return pbacluster
