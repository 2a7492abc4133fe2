"""What the cases on nodes judge, and what they ask Kubernetes for."""

from __future__ import annotations

from typing import Any

import pytest

from pba_api.parse import parse_spec
from pba_api.schema.structural import object_schema
from pba_api.types import PBACluster
from pba_hack.bench.balancer.load import Load, Sent
from pba_hack.bench.balancer.nodes import changes, crash
from pba_hack.bench.balancer.nodes.cluster import BACKENDS, Wanted, pbacluster, plain_service
from pba_hack.bench.balancer.nodes.counting import Books, Moment
from pba_hack.bench.balancer.nodes.proxy import PROXY
from pba_hack.bench.balancer.nodes.stage import Seen, machine_of

Json = dict[str, Any]

IMAGES = {"loadlab": "localhost/loadlab:1", "mysql": "localhost/mysql:1", "haproxy": "localhost/haproxy:1"}
GONE = Moment(5.0, 5.1)


def sent(number: int, due: float, *, method: str = "GET", status: int = 200, took: float = 0.02) -> Sent:
    return Sent(number, method, due, took, status, "", "")


def seen(*requests: Sent, wrong: int = 0, retried: int = 0) -> Seen:
    return Seen(Load([sent(1000, 0.0), *requests]), GONE, Books(1, 1, wrong, 0, 0), retried)


def test_a_second_node_and_a_wrong_execution_count_as_failures_where_nobody_is_to_try_again() -> None:
    assert changes.failed(seen()) == 0
    assert changes.failed(seen(sent(1, 1.0, status=503), sent(2, 9.0, method="POST", status=0))) == 2
    assert changes.failed(seen(retried=3)) == 3
    assert changes.failed(seen(wrong=2)) == 2


def test_after_a_crash_second_nodes_are_what_is_wanted_and_only_posts_that_were_there_may_fail() -> None:
    lost = sent(1, 5.0, method="POST", status=504, took=2.0)
    assert crash.failed(seen(lost, retried=7)) == 0
    assert crash.failed(seen(sent(1, 5.0, status=504, took=2.0))) == 1
    assert crash.failed(seen(sent(1, 6.0, method="POST", status=503))) == 1
    assert crash.failed(seen(wrong=1)) == 1
    assert crash.out(seen(lost, sent(2, 6.5, took=0.55))) == 1.5


def test_what_fails_before_anything_happens_is_told_apart() -> None:
    assert seen(sent(1, 4.9, status=503), sent(2, 5.0, status=503)).quiet == [False, True]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(Wanted(3, frontend={"paths": [{"prefix": "/", "serverSeconds": 2}]}), id="crash"),
        pytest.param(Wanted(5, "Cookie"), id="cookie"),
    ],
)
def test_the_pbacluster_has_only_fields_that_there_are(wanted: Wanted) -> None:
    spec = pbacluster(IMAGES, wanted)["spec"]
    parsed = parse_spec(spec)
    assert parsed.backend is not None
    assert parsed.frontend is not None
    assert parsed.backend.replicas == wanted.backends
    assert parsed.frontend.session_affinity.type == wanted.affinity
    assert unknown(spec, object_schema(PBACluster)["properties"]["spec"]) == []


def unknown(given: object, schema: Json, where: str = "spec") -> list[str]:
    """Return the fields that the schema does not know."""
    if isinstance(given, list):
        return [name for item in given for name in unknown(item, schema["items"], where)]
    if not isinstance(given, dict) or "properties" not in schema:
        return []
    found = [f"{where}.{name}" for name in given if name not in schema["properties"]]
    for name, value in given.items():
        found += unknown(value, schema["properties"].get(name, {}), f"{where}.{name}")
    return found


def test_the_peers_lead_to_the_same_backends() -> None:
    assert plain_service()["spec"]["selector"] == BACKENDS
    (configuration, deployment, service) = PROXY.manifests(IMAGES)
    assert "server node-0 plain.bench.svc:80" in configuration["data"]["haproxy.cfg"]
    assert "option idle-close-on-response" in configuration["data"]["haproxy.cfg"]
    pod = deployment["spec"]["template"]
    assert service["spec"]["selector"] == pod["metadata"]["labels"]
    assert pod["spec"]["containers"][0]["image"] == IMAGES["haproxy"]


def test_a_machine_is_known_by_its_address() -> None:
    nodes = [
        {"metadata": {"name": name}, "status": {"addresses": [{"address": name}, {"address": address}]}}
        for name, address in (("node1", "172.30.0.11"), ("node2", "172.30.0.12"))
    ]
    assert machine_of("172.30.0.12", nodes) == "node2"
    with pytest.raises(ValueError, match=r"172\.30\.0\.1$"):
        machine_of("172.30.0.1", nodes)
