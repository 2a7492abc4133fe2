"""A real Ingress controller, Contour with its Envoy, in front of two real frontends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from pba_lab import account
from pba_lab.aside import Aside, own_address
from pba_lab.contour import NAMESPACE, NODES, Frontend, Shop, contour_and_envoy, install
from pba_lab.patience import eventually
from pba_lab.shop import shop
from pba_lab.slices import Slices, endpoint

from pba_hack import apiserver
from pba_hack.apiserver import ApiServer
from pba_hack.binaries import binary

CLUSTER: Final = shop(NAMESPACE, {"trustedProxyCIDRs": [f"{own_address()}/32"]})
"""Contour's Envoy comes from there."""


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that knows the kinds of the Gateway API and of Contour."""
    with apiserver.running(binary("kubernetes"), tmp_path_factory.mktemp("apiserver")) as server:
        install(server)
        account.admit(server, CLUSTER)
        yield server


@pytest.fixture(scope="session")
def envoy_port(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where clients reach Contour's Envoy."""
    with contour_and_envoy(api_server, tmp_path_factory.mktemp("contour")) as port:
        yield port


@pytest.fixture
def running(api_server: ApiServer, envoy_port: int) -> Iterator[Shop]:
    """Two frontends with two nodes behind them, and Contour, which has been told of neither Ingress nor Gateway yet."""
    with ExitStack() as ended:
        made = Aside(envoy_port)
        ended.callback(made.end)
        slices = Slices(api_server, NAMESPACE)
        for name in NODES:
            node = made.add(name)
            slices.put(name, [endpoint(name, node.address, "ready")], port=node.port)
        frontends = [Frontend(api_server, CLUSTER, ended) for _ in range(2)]
        eventually(lambda: all(one.is_ready() for one in frontends))
        found = Shop(made, frontends, slices, envoy_port)
        for number in range(2):
            found.tell(number, "ready")
        yield found
