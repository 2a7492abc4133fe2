"""Namespaces of a real API server, in each of which an operator is ended at another write."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from pba_faults.judge import Judge
from pba_simulation.real import Namespace
from pba_standin.standin import StandIn

from pba_hack.apiserver import ApiServer

_numbers = itertools.count(1)


@pytest.fixture
def places(api_server: ApiServer, crd: str, mysql: StandIn) -> Callable[[], tuple[Namespace, Judge]]:
    """Makes a fresh namespace each time; all names are of one length, and none is a part of another word."""
    assert crd

    def make() -> tuple[Namespace, Judge]:
        name = f"crash-{next(_numbers):04d}"
        made = api_server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        assert made.ok, made.data.decode()
        return Namespace(api_server, name, mysql), Judge(api_server.audit_log, name)

    return make
