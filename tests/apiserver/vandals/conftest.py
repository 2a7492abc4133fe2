"""A whole PBACluster on a real API server, an operator beside it, and vandals; one for each module of tests."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest
from pba_faults.judge import Judge
from pba_simulation.real import Hands, Namespace, RunningOperator, eventually
from pba_standin.standin import StandIn
from pba_vandals.eyes import Eyes, watching
from pba_vandals.sweep import Vandal
from pba_vandals.victim import Victim, prepare

from pba_hack.apiserver import ApiServer
from pba_operator.engine import restraint
from pba_operator.kube import kinds

_numbers = itertools.count(1)
Places = Callable[[], Namespace]


@pytest.fixture(scope="module")
def places(api_server: ApiServer, crd: str, stand_in: StandIn) -> Iterator[Places]:
    """Makes a fresh namespace each time."""
    assert crd
    before = len(stand_in.unknown)

    def make() -> Namespace:
        name = f"vandals-{next(_numbers):04d}"
        made = api_server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        assert made.ok, made.data.decode()
        return Namespace(api_server, name, stand_in)

    yield make
    assert stand_in.unknown[before:] == []


@contextlib.contextmanager
def running(api_server: ApiServer, place: Namespace) -> Iterator[Victim]:
    """Have an operator run, and eyes watch a namespace, until the block ends."""
    judge = Judge(api_server.audit_log, place.name)
    prepare(api_server, place)
    eyes, operator = Eyes(), RunningOperator(place)
    with pytest.MonkeyPatch.context() as environment, watching(place, *kinds.WATCHED, listener=eyes.take):
        environment.setenv("KUBECONFIG", str(api_server.kubeconfig))
        operator.start()
        try:
            eventually(lambda: operator.leads, "the operator does not begin to act")
            yield Victim(place, Hands(place, sees_templates=True), eyes, Vandal(place, eyes), operator, judge)
        finally:
            operator.stop()


@pytest.fixture
def tireless(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that never takes edits for a fight: here each object is edited hundreds of times within seconds."""
    monkeypatch.setattr(restraint, "FREE_CORRECTIONS", 10**9)


@pytest.fixture(scope="module")
def victim(api_server: ApiServer, places: Places) -> Iterator[Victim]:
    """A whole PBACluster that is ready. A test leaves it so."""
    with running(api_server, places()) as made:
        made.settle()
        yield made
