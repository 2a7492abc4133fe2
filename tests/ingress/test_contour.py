"""Requests through Contour, by an Ingress and by a Gateway, over HTTP/1.1 and over HTTP/2 to the frontends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
from pba_lab.aside import own_address
from pba_lab.contour import NAMESPACE, SERVICE, Shop, apply, listener_port
from pba_lab.patience import eventually
from pba_lab.wire_client import Response, asked, request

from pba_hack.apiserver import ApiServer
from pba_hack.loopback import free_port

HOST: Final = "lab"
CLIENT: Final = "127.0.0.9"
"""Not 127.0.0.1: Envoy tells the address of its own machine for that."""
SPOOFED: Final = (
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "X-Envoy-External-Address: 6.6.6.6",
)


def service(*, h2c: bool) -> dict[str, Any]:
    """Return the Service of the frontends; with `h2c`, Contour speaks HTTP/2 to them."""
    annotations = {"projectcontour.io/upstream-protocol.h2c": "http"} if h2c else {}
    ports = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE, "annotations": annotations},
        "spec": {"ports": ports},
    }


INGRESS: Final[dict[str, Any]] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "shop", "namespace": NAMESPACE},
    "spec": {
        "ingressClassName": "contour",
        "rules": [
            {
                "host": HOST,
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": SERVICE, "port": {"name": "http"}}},
                        }
                    ]
                },
            }
        ],
    },
}
PATHS: Final = {
    "ingress": ["/apis/networking.k8s.io/v1/namespaces/default/ingresses/shop"],
    "gateway": [
        "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes/shop",
        "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/edge",
    ],
}


def gateway(port: int) -> list[dict[str, Any]]:
    """Return a Gateway with a route, for which Envoy listens at `port`."""
    version = "gateway.networking.k8s.io/v1"
    controller = {"controllerName": "projectcontour.io/gateway-controller"}
    listener = {"name": "http", "protocol": "HTTP", "port": listener_port(port)}
    route = {
        "parentRefs": [{"name": "edge"}],
        "hostnames": [HOST],
        "rules": [{"backendRefs": [{"name": SERVICE, "port": 80}]}],
    }
    specs = {
        ("GatewayClass", "contour"): controller,
        ("Gateway", "edge"): {"gatewayClassName": "contour", "listeners": [listener]},
        ("HTTPRoute", "shop"): route,
    }
    return [
        {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for (kind, name), spec in specs.items()
    ]


def ask(shop: Shop, *headers: str) -> Response:
    """Return what a client gets."""
    return asyncio.run(asked(shop.port, request("/", *headers, host=HOST), source=CLIENT))


def serves(shop: Shop) -> bool:
    """Tell whether Contour's Envoy leads to a node."""
    try:
        return ask(shop).status == 200
    except (OSError, ValueError):
        return False


@pytest.fixture(
    params=[("ingress", False), ("ingress", True), ("gateway", False)],
    ids=["Ingress", "Ingress, HTTP/2 to the frontends", "Gateway"],
)
def reached(request: pytest.FixtureRequest, api_server: ApiServer, running: Shop) -> Iterator[Shop]:
    """The shop, once it is reached so."""
    kind, h2c = request.param
    running.aside.clients.port = port = running.port if kind == "ingress" else free_port()
    found = replace(running, port=port)
    apply(api_server, service(h2c=h2c))
    for manifest in [INGRESS] if kind == "ingress" else gateway(port):
        apply(api_server, manifest)
    eventually(lambda: serves(found))
    yield found
    for path in PATHS[kind]:
        assert api_server.request("DELETE", path).ok
    eventually(lambda: not serves(found))


def test_a_request_comes_from_its_client_and_keeps_its_identifier(reached: Shop) -> None:
    answer = ask(reached, *SPOOFED, "X-Request-Id: order-7")
    assert (answer.status, answer.headers["x-request-id"]) == (200, "order-7")
    (seen,) = [
        node.seen for node in reached.aside.nodes.values() if node.seen.get("x-request-id") == "order-7"
    ]
    assert seen["x-forwarded-for"] == f"{CLIENT}, {own_address()}"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-host"]) == ("http", HOST)
    assert "x-envoy-external-address" not in seen


def test_a_frontend_that_goes_costs_no_request(reached: Shop) -> None:
    clients = reached.aside.clients
    reached.aside.ask(6)
    eventually(lambda: clients.sent > 200)
    going = reached.frontends[0]
    eventually(lambda: going.process.frontend_sessions() > 0)
    reached.tell(0, "terminating")
    (going.process.folder / "stopping").touch()
    eventually((going.process.folder / "drained").exists)
    going.process.stop()
    answered = len(clients.answered)
    eventually(lambda: len(clients.answered) > answered + 100)
    reached.aside.rest()
    assert clients.failed == {}
    executed: Counter[str] = sum((node.executed for node in reached.aside.nodes.values()), Counter())
    del executed[""]
    assert executed == Counter(list(clients.answered))
