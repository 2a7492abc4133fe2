"""A namespace for operators as processes, as the bench uses them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pba_simulation.real import Namespace
from pba_standin.standin import StandIn

from pba_hack.apiserver import ApiServer
from pba_hack.bench.case import Trial
from pba_hack.progress import Progress


@pytest.fixture
def place(api_server: ApiServer, crd: str, namespace: str, mysql: StandIn) -> Namespace:
    assert crd
    return Namespace(api_server, namespace, mysql)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path, Progress(), short=True)
