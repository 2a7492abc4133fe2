"""The clients' address: the load balancer's before the Service's own, and only once something accepts there."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from pba_hack.kubectl import Kubectl
from pba_hack.traffic.address import clients_address


class OneService(Kubectl):
    """A namespace with one Service."""

    def __init__(self, service: dict[str, Any]) -> None:
        super().__init__()
        self._service = service

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        assert (kind, name) == ("service", "shop")
        return self._service


def _service(port: int, ingress: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "spec": {"clusterIP": "127.0.0.2", "ports": [{"name": "http", "port": port}]},
        "status": {"loadBalancer": {"ingress": ingress}},
    }


@pytest.mark.parametrize(
    ("ingress", "host"),
    [([], "127.0.0.2"), ([{"ip": "127.0.0.3"}], "127.0.0.3")],
    ids=["cluster", "balancer"],
)
def test_the_address_is_returned_once_it_accepts_connections(
    ingress: list[dict[str, str]], host: str
) -> None:
    with socket.socket() as closed:
        closed.bind((host, 0))
        port = closed.getsockname()[1]
        listen = threading.Timer(0.5, closed.listen)
        listen.start()
        assert clients_address(OneService(_service(port, ingress)), "shop") == host
        assert listen.finished.is_set(), "returned before anybody listened"
        listen.join()
