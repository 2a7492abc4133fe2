"""The nine pods on two nodes, by wires."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from pba_policies.stage import NODES, PODS
from pba_wires.stage import Wires, connected, wires

from pba_hack.cluster.local import machine
from pba_hack.progress import Progress


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """What `hack/cluster` installs where it is missing."""
    machine.install_packages(Progress(), (("nft", "nftables"), ("ip", "iproute2")))


@pytest.fixture(scope="module")
def stage() -> Iterator[Wires]:
    """The pods, connected; what is enforced is each test's own."""
    with wires(NODES) as made, contextlib.ExitStack() as pods:
        for pod in PODS.values():
            pods.enter_context(connected(made, pod))
        yield made
