"""The order of a first roll-out, as its pods and its first client see it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pba_nodes.conditions import History
from pba_nodes.stage import is_ready

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]

APPLICATION = ("management", "backend")
ANSWERS = 100
# More than a client waits whose first packet was lost (sent again after 1, 3 and 7 s).
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.05
AT_MOST_SECONDS = 180.0


def _component(pod: Json) -> str:
    return str(pod["metadata"]["labels"].get("pba.dev/component", ""))


@dataclass(frozen=True)
class Knock:
    """One request by a connection of its own: its answer, or the reason why there is none, after so many seconds."""

    status: int | None
    node: str
    reason: str
    seconds: float


def _knock(host: str) -> Knock:
    began = time.monotonic()
    connection = http.client.HTTPConnection(host, 80, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/whoami")
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Knock(None, "", repr(error), time.monotonic() - began)
    finally:
        connection.close()
    return Knock(answer.status, answer.headers.get("X-Node", ""), answer.reason, time.monotonic() - began)


def _wait_for_the_first_answer(host: str) -> tuple[int, Knock]:
    """Return how often nobody was there, and the first answer that somebody gave."""
    deadline = time.monotonic() + AT_MOST_SECONDS
    in_vain = 0
    while time.monotonic() < deadline:
        knock = _knock(host)
        if knock.status is not None:
            return in_vain, knock
        in_vain += 1
        time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"nobody answered at {host} within {AT_MOST_SECONDS:.0f} s")


def test_the_database_is_ready_before_the_application_and_the_address_answers_once_a_node_serves(
    operator: Kubectl, namespace: Kubectl, manifest: Callable[..., Json]
) -> None:
    assert operator
    with History(namespace, "pods", "-l", "pba.dev/cluster=orderly") as pods:
        namespace.apply(manifest("orderly"))
        service = wait_for("the Service", lambda: namespace.get("service", "orderly"))
        in_vain, first = _wait_for_the_first_answer(service["spec"]["clusterIP"])
        others = [_knock(service["spec"]["clusterIP"]) for _ in range(ANSWERS)]
        namespace.wait_ready("orderly")
    assert in_vain > 0, "the first request came too late to show anything"
    assert [knock for knock in (first, *others) if knock.status != 200] == []
    seen = [told.what for told in pods.told]
    database = next(n for n, pod in enumerate(seen) if _component(pod) == "database" and is_ready(pod))
    application = next(n for n, pod in enumerate(seen) if _component(pod) in APPLICATION)
    assert database < application
    serving = {pod["metadata"]["name"] for pod in seen if _component(pod) in APPLICATION and is_ready(pod)}
    assert {knock.node for knock in (first, *others)} <= serving
