"""Each way to lose the right to see, and what happens to the pod itself: clients are served on, and it is told.

Nobody takes a right away from a watch that is open: it ends by itself within 30 s. Here the connections are broken, so
that what follows is seen at once.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from pba_lab import HAProxyProcess, account
from pba_lab.blind import AGE, Frontend
from pba_lab.patience import eventually
from pba_lab.tls import Authority
from pba_lab.wire import Wire

from pba_hack.apiserver import ApiServer
from pba_operator.domain.model import Cluster

_LOG = logging.getLogger(__name__)
AT_ONCE = 15.0
REFUSED = "AccessRefusedError"
UNAVAILABLE = "ApiUnavailableError"
STEP_AGE = "pba_sync_haproxy_age_seconds"
VANISHED = "pba_sync_nodes_vanished"

Means = tuple[ApiServer, Cluster, Path]


@contextmanager
def no_token(means: Means) -> Iterator[None]:
    token = means[2] / "token"
    text = token.read_text()
    token.unlink()
    yield
    token.write_text(text)


@contextmanager
def expired_token(means: Means) -> Iterator[None]:
    token = means[2] / "token"
    text = token.read_text()
    token.write_text("expired")
    yield
    token.write_text(text)


@contextmanager
def other_authority(means: Means) -> Iterator[None]:
    """The API server has a certificate of another authority, and what the kubelet mounted is still the former one."""
    certificates = means[2] / "ca.crt"
    text = certificates.read_text()
    certificates.write_text(Authority("a former one").certificate)
    yield
    certificates.write_text(text)


def await_refusal(means: Means, status: int) -> None:
    """Return when the API server refuses the account: it remembers for some seconds whom it knew."""
    server, cluster, folder = means
    asked = replace(server, token=(folder / "token").read_text(), idle=[])
    path = f"/apis/discovery.k8s.io/v1/namespaces/{cluster.namespace}/endpointslices"
    eventually(lambda: asked.request("GET", path).status == status)
    asked.hang_up()


@contextmanager
def no_rights(means: Means) -> Iterator[None]:
    server, cluster, _ = means
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/rolebindings"
    before = server.request("GET", f"{path}/shop-frontend").body
    assert server.request("DELETE", f"{path}/shop-frontend").ok
    await_refusal(means, 403)
    yield
    del before["metadata"]["resourceVersion"], before["metadata"]["uid"]
    assert server.request("POST", path, before).ok


@contextmanager
def another_account(means: Means) -> Iterator[None]:
    """The ServiceAccount is deleted and made anew: a token of the former one is none; the kubelet gets others later."""
    server, cluster, folder = means
    path = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts"
    before = server.request("GET", f"{path}/shop-frontend").body
    assert server.request("DELETE", f"{path}/shop-frontend").ok
    made = {**before, "metadata": {"name": "shop-frontend"}}
    assert server.request("POST", path, made).ok
    await_refusal(means, 401)
    yield
    (folder / "token").write_text(account.token(server, cluster))


@pytest.mark.parametrize(
    ("cause", "error", "says"),
    [
        (no_token, REFUSED, "the token of our account cannot be read: "),
        (expired_token, REFUSED, "the API server refuses (401): "),
        (other_authority, UNAVAILABLE, "CERTIFICATE_VERIFY_FAILED"),
        (no_rights, REFUSED, "the API server refuses (403): "),
        (another_account, REFUSED, "the API server refuses (401): "),
    ],
)
def test_clients_are_served_on_and_it_catches_up(
    frontend: Frontend,
    wire: Wire,
    api_server: ApiServer,
    cluster: Cluster,
    token_folder: Path,
    cause: Callable[[Means], AbstractContextManager[None]],
    error: str,
    says: str,
) -> None:
    frontend.serve("a", "b")
    with cause((api_server, cluster, token_folder)):
        wire.cut()
        wire.mend()
        frontend.seconds_until(lambda: frontend.errors(error) >= 2, AT_ONCE)
        frontend.tell("c")
        frontend.goes_on()
        assert frontend.serving() == {"a", "b"}
        assert frontend.sidecar.get("/healthz")[0] == 200
        eventually(lambda: frontend.has_told(says))
        age = frontend.sidecar.metric(AGE)
        eventually(lambda: frontend.sidecar.metric(AGE) > age + 1)
    took = frontend.catches_up("c", AT_ONCE)
    eventually(lambda: frontend.said("EndpointSlices can be read again") or frontend.sidecar.metric(AGE) < 5)
    _LOG.info("caught up after %.1f s", took)


def test_nodes_that_end_meanwhile_cost_no_request(frontend: Frontend, wire: Wire) -> None:
    """What protects clients of a frontend that does not hear that a node goes: HAProxy's checks, and safe retries.

    A POST that the node was sent while it closed is lost: nobody may send it again.
    """
    frontend.aside.clients.methods = ("GET",)
    frontend.serve("a", "b", "c")
    wire.cut()
    eventually(lambda: frontend.errors(UNAVAILABLE) >= 1)
    for name in ("a", "b"):
        node = frontend.aside.nodes[name]
        frontend.aside.do(node.finish())
        eventually(partial(frontend.is_without, name))
    frontend.goes_on()
    assert frontend.serving() == {"c"}


def test_slices_that_are_lost_cost_no_request_while_nodes_answer(frontend: Frontend, wire: Wire) -> None:
    """An API server comes back that was restored from a backup without them."""
    frontend.serve("a", "b")
    wire.cut()
    for name in ("a", "b"):
        frontend.forget(name)
    wire.mend()
    eventually(lambda: frontend.sidecar.metric(VANISHED) == 2)
    frontend.goes_on()
    assert frontend.said("nothing is told of nodes any more: those that pass their checks serve on")
    assert frontend.serving() == {"a", "b"}
    for name in ("a", "b"):
        frontend.tell(name)
    eventually(lambda: frontend.sidecar.metric(VANISHED) == 0)
    eventually(lambda: frontend.said("no node serves any more of which nothing is told"))
    frontend.is_answered_by("a", "b")
    frontend.goes_on()
    assert frontend.serving() == {"a", "b"}


def test_a_sidecar_that_is_frozen_or_killed_takes_nothing_with_it(frontend: Frontend) -> None:
    """As by a machine without memory; the kubelet starts it anew when its probe is not answered."""
    frontend.serve("a", "b")
    frontend.sidecar.process.send_signal(signal.SIGSTOP)
    frontend.tell("c")
    frontend.goes_on()
    assert frontend.serving() == {"a", "b"}
    frontend.sidecar.process.send_signal(signal.SIGCONT)
    frontend.catches_up("c", AT_ONCE)
    frontend.sidecar.end(signal.SIGKILL)
    frontend.tell("d")
    frontend.goes_on()
    frontend.start_sidecar()
    frontend.catches_up("d", AT_ONCE)
    frontend.goes_on()


def test_a_haproxy_that_cannot_be_told_anything_serves_and_it_is_seen(
    frontend: Frontend, haproxy: HAProxyProcess
) -> None:
    frontend.serve("a", "b")
    eventually(lambda: frontend.sidecar.metric(STEP_AGE) < 2)
    moved = haproxy.socket.with_suffix(".moved")
    haproxy.socket.rename(moved)
    frontend.tell("c")
    eventually(lambda: frontend.sidecar.metric(STEP_AGE) > 3)
    assert frontend.sidecar.metric(AGE) < 30, "its view is current: HAProxy does not follow it"
    assert frontend.sidecar.get("/readyz")[0] == 503
    assert frontend.said(f"no answer from HAProxy at {haproxy.socket}")
    frontend.is_answered_by("a", "b")
    assert frontend.aside.clients.failed == {}
    moved.rename(haproxy.socket)
    frontend.catches_up("c", AT_ONCE)
    eventually(lambda: frontend.sidecar.metric(STEP_AGE) < 2)
    frontend.goes_on()


def test_a_haproxy_that_hangs_is_seen_and_told_all_once_it_goes_on(
    frontend: Frontend, haproxy: HAProxyProcess
) -> None:
    """Its own liveness probe has it started anew; the sidecar waits for no answer longer than two seconds."""
    frontend.serve("a", "b")
    frontend.aside.rest()
    os.kill(haproxy.pid, signal.SIGSTOP)
    frontend.tell("c")
    eventually(lambda: frontend.sidecar.metric(STEP_AGE) > 3)
    assert frontend.sidecar.get("/healthz")[0] == 200, "the sidecar is well"
    os.kill(haproxy.pid, signal.SIGCONT)
    frontend.catches_up("c", AT_ONCE)
