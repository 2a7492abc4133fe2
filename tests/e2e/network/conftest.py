"""The nine pods on two nodes, by wires."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from pba_policies.stage import NODES, PODS
from pba_wires.stage import Wires, connected, wires


@pytest.fixture(scope="module")
def stage() -> Iterator[Wires]:
    """The pods, connected; what is enforced is each test's own."""
    with wires(NODES) as made, contextlib.ExitStack() as pods:
        for pod in PODS.values():
            pods.enter_context(connected(made, pod))
        yield made
