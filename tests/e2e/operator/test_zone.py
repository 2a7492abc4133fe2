"""The zone: from outside only the frontends' ports, and from each pod only what it needs. Real packets, whole tables.

Every port at which anything listens in any pod is tried at every pod, and some at which nothing does, from every pod
and from outside of the cluster. What the policies let through answers or is refused; all else is silence.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pba_nodes import operators
from pba_nodes.fixtures import fresh_namespace
from pba_nodes.zone import ANSWERED, REFUSED, SILENT, Place, Table, places, table, written

from pba_hack.cluster.local.addresses import HUB, OUTSIDER
from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic.address import clients_address

Json = dict[str, Any]
Record = Callable[[str, object], None]

COMPONENTS = ("frontend", "backend", "management", "database")
CLOSED = (22, 81, 587)
"""Ports at which nothing listens in any pod; one of them is open outside."""
MAIL = 587


def _stranger(name: str, image: str) -> Json:
    """Return a pod with a program that waits, and answers at 8080."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "command": ["python3", "-m", "http.server", "8080", "--directory", "/tmp"],  # noqa: S108 - in a pod
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


@contextlib.contextmanager
def _listening(address: str, port: int) -> Iterator[None]:
    """Accept connections outside of the cluster."""
    with socket.create_server((address, port)) as server:
        ended = threading.Event()
        server.settimeout(0.1)

        def accept() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    server.accept()[0].close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Kubectl]:
    yield from fresh_namespace()


@pytest.fixture(scope="module")
def strangers(shop: Kubectl, elsewhere: Kubectl, images: dict[str, str]) -> Iterator[dict[str, Json]]:
    """A pod of another namespace, and one of the same without labels."""
    where = {"outsider": elsewhere, "neighbour": shop}
    for name, kubectl in where.items():
        kubectl.apply(_stranger(name, images["demoapp"]))
    for name, kubectl in where.items():
        kubectl("wait", "pod", name, "--for=condition=Ready", "--timeout=60s")
    yield {name: kubectl.get("pod", name) or {} for name, kubectl in where.items()}
    for name, kubectl in where.items():
        kubectl("delete", "pod", name, "--wait=false")


def _everybody(shop: Kubectl, operator: Kubectl, strangers: dict[str, Json]) -> dict[str, Place]:
    """Return one pod of each kind, and a second frontend and backend as targets."""
    pods: dict[str, Json] = dict(strangers)
    for component in COMPONENTS:
        found = shop.items("pods", f"pba.dev/cluster=shop,pba.dev/component={component}")
        running = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        for number, pod in enumerate(running):
            pods[component if number == 0 else f"{component} {number + 1}"] = pod
    (pods["operator"],) = operator.items("pods", operators.SELECTOR)
    return places(pods)


def _component(name: str) -> str:
    return name.partition(" ")[0]


def _is_let_in(source: str, target: str, port: int) -> bool:
    """Tell what the policies of a whole PBACluster say of whom the target lets in."""
    source, target = _component(source), _component(target)
    match target:
        case "frontend":
            return port == 8080 or (source == "frontend" and port in (8404, 8405))
        case "backend" | "management":
            return (source, port) == ("frontend", 8080)
        case "database":
            return source in ("management", "backend", "operator") and port == 3306
        case "operator":
            return False
    return True


def _is_let_out(source: str, target: str, port: int) -> bool:
    """Tell what they say of whom the source may reach."""
    source, target = _component(source), _component(target)
    by_port = {
        "frontend": (53, 443, 6443),
        "backend": (53,),
        "management": (53,),
        "database": (53,),
        "operator": (53, 443, 6443),
    }
    if source not in by_port:
        return True
    ways = {
        ("frontend", "backend", 8080),
        ("frontend", "management", 8080),
        ("frontend", "frontend", 8404),
        ("frontend", "frontend", 8405),
        ("backend", "database", 3306),
        ("management", "database", 3306),
        ("operator", "database", 3306),
    }
    return port in by_port[source] or (source, target, port) in ways


def _expected(outcome: Table, listeners: dict[str, frozenset[int]]) -> Table:
    wanted: Table = {}
    for source, target, port in outcome:
        if not (_is_let_in(source, target, port) and _is_let_out(source, target, port)):
            wanted[source, target, port] = SILENT
        else:
            wanted[source, target, port] = ANSWERED if port in listeners[target] else REFUSED
    return wanted


def test_every_port_of_every_pod_from_everywhere(
    shop: Kubectl, operator: Kubectl, strangers: dict[str, Json], record_property: Record
) -> None:
    shop.wait_ready("shop")
    pods = _everybody(shop, operator, strangers)
    outside = Place("outside", OUTSIDER)
    listeners = {name: place.listeners for name, place in pods.items()}
    assert {8080, 8404, 8405} <= listeners["frontend"], "the balancer, its probes and metrics"
    assert {3306} <= listeners["database"]
    ports = sorted(frozenset((443, 6443, *CLOSED)).union(*listeners.values()))
    api_server, out_there = Place("API server", HUB), Place("outside", OUTSIDER)
    listeners |= {api_server.name: frozenset((6443,)), out_there.name: frozenset((MAIL,))}
    targets = dict.fromkeys(pods.values(), ports) | {api_server: (6443,), out_there: (53, 443, MAIL)}
    with _listening(OUTSIDER, MAIL):
        outcome = table([*pods.values(), outside], targets)
    print(written(outcome))  # noqa: T201 - the table is what this test is for
    record_property("table", written(outcome))
    wanted = _expected(outcome, listeners)
    assert len(outcome) > 700
    assert {flow: end for flow, end in outcome.items() if end != wanted[flow]} == {}


def test_services_lead_strangers_to_frontends_alone(shop: Kubectl, strangers: dict[str, Json]) -> None:
    found = {name: shop.get("service", name) or {} for name in ("shop", "shop-mysql-primary")}
    addresses = {name: service["spec"]["clusterIP"] for name, service in found.items()}
    targets = [(addresses["shop"], 80), (addresses["shop"], 443), (addresses["shop-mysql-primary"], 3306)]
    for place in [*places(strangers).values(), Place("outside", OUTSIDER)]:
        assert place.tries(targets)[0] == ANSWERED, place.name
        assert ANSWERED not in place.tries(targets)[1:], place.name


@pytest.mark.usefixtures("restored")
def test_what_a_user_opens_is_open_and_nothing_else(
    shop: Kubectl, operator: Kubectl, strangers: dict[str, Json]
) -> None:
    """Mail from the application, and metrics to whoever is named; both are seen to be closed before."""
    pods = _everybody(shop, operator, strangers)
    metrics, mail = (pods["frontend"].address, 8404), (OUTSIDER, MAIL)

    def ways() -> dict[str, str]:
        return {
            "mail from the management node": pods["management"].tries([mail])[0],
            "mail from the backend": pods["backend"].tries([mail])[0],
            "mail from the frontend": pods["frontend"].tries([mail])[0],
            "mail from the database": pods["database"].tries([mail])[0],
            "metrics to the neighbour": pods["neighbour"].tries([metrics])[0],
            "metrics to the outsider": pods["outsider"].tries([metrics])[0],
        }

    with _listening(OUTSIDER, MAIL):
        assert set(ways().values()) == {SILENT}
        network = {
            "applicationEgress": [
                {"to": [{"ipBlock": {"cidr": f"{OUTSIDER}/32"}}], "ports": [{"port": MAIL}]}
            ],
            "monitoring": [
                {
                    "namespaceSelector": {
                        "matchLabels": {
                            "kubernetes.io/metadata.name": strangers["outsider"]["metadata"]["namespace"]
                        }
                    }
                }
            ],
        }
        shop.merge("pbacluster", "shop", {"spec": {"network": network}})
        opened = {
            "mail from the management node",
            "mail from the backend",
            "metrics to the outsider",
        }
        wait_for(
            "exactly those ways to be open",
            lambda: {way for way, end in ways().items() if end == ANSWERED} == opened,
            60,
        )
        shop.merge("pbacluster", "shop", {"spec": {"network": {"policies": "Disabled"}}})
        wait_for("all to be open", lambda: set(ways().values()) == {ANSWERED}, 60)
        assert shop.items("networkpolicies", "pba.dev/cluster=shop") == []


def test_the_runtime_interface_is_a_socket_of_one_user_in_the_pods_memory(shop: Kubectl) -> None:
    for pod in shop.items("pods", "pba.dev/cluster=shop,pba.dev/component=frontend"):
        name = pod["metadata"]["name"]
        listed = shop("exec", name, "-c", "haproxy", "--", "sh", "-c", "ls -ln /run/haproxy")
        sockets = [line.split() for line in listed.splitlines() if line.startswith("s")]
        assert sockets, listed
        assert {(words[0][:10], words[2]) for words in sockets} == {("srw-------", "65532")}, listed
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert volumes["runtime"]["emptyDir"]["medium"] == "Memory"


def _status(address: str, source: str) -> int:
    connection = http.client.HTTPConnection(address, 80, timeout=10, source_address=(source, 0))
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.usefixtures("restored")
def test_a_clients_own_address_survives_from_outside(shop: Kubectl) -> None:
    """The frontends deny that one address: whoever else came in its place would be denied as well, or nobody."""
    shop.merge(
        "pbacluster",
        "shop",
        {
            "spec": {
                "service": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
                "frontend": {"access": {"denyCIDRs": [f"{OUTSIDER}/32"]}},
            }
        },
    )
    shop.wait_ready("shop")
    address = clients_address(shop, "shop")
    wait_for("the outsider to be denied", lambda: _status(address, OUTSIDER) == 403, 60)
    assert {_status(address, OUTSIDER) for _ in range(20)} == {403}
    assert {_status(address, HUB) for _ in range(20)} == {200}
