"""Whatever EndpointSlices say, the real HAProxy has just the nodes that make sense, and refuses no command.

Beside them there is a node that serves throughout: without it, nodes of which nothing is told any more would serve on
until HAProxy's checks have found them dead.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pba_lab import HAProxyProcess
from pba_lab.aside import aside
from pba_lab.making import NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.sidecar_loop import SidecarLoop

from pba_sync.balancer.planner import Kind
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching.membership import Node, NodeState, members, read_slice

GOOD_NAMES = st.sampled_from(("a", "b", "shop-backend-7d9f", "A.b", "x" * 253))
ODD_NAMES = st.sampled_from(("c;show info", "a b", "nodes/a", "-", "#1", "ä", "", None, 7))
GOOD_ADDRESSES = st.sampled_from(("10.9.0.1", "10.9.0.2", "fd00::1", "FD00:0::0001"))
ODD_ADDRESSES = st.sampled_from(("::ffff:10.9.0.1", "127.0.0.1", "169.254.1.1", "10.9", "a;b", "", None))
FLAGS = st.sampled_from((True, True, False, None, "yes"))
CONDITIONS = st.fixed_dictionaries({}, optional={"ready": FLAGS, "serving": FLAGS, "terminating": FLAGS})


def _endpoint(
    names: st.SearchStrategy[Any], addresses: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    target = st.fixed_dictionaries({"kind": st.sampled_from(("Pod", "Pod", "Node")), "name": names})
    return st.fixed_dictionaries(
        {"addresses": st.lists(addresses, min_size=1, max_size=2), "conditions": CONDITIONS},
        optional={"targetRef": target},
    )


ENDPOINTS = st.lists(
    st.one_of(
        _endpoint(GOOD_NAMES, GOOD_ADDRESSES),
        _endpoint(ODD_NAMES, GOOD_ADDRESSES),
        _endpoint(GOOD_NAMES, ODD_ADDRESSES | st.ip_addresses().map(str)),
    ),
    min_size=1,
    max_size=6,
)
ODD_PORT = st.fixed_dictionaries(
    {"name": st.sampled_from(("http", "other", "", None))},
    optional={
        "port": st.sampled_from((0, 65536, -1, "9", None)),
        "protocol": st.sampled_from(("TCP", "UDP")),
    },
)
GOOD_PORTS = st.sampled_from(
    ([{"name": "http", "port": 9}], [{"name": "http", "port": 65535, "protocol": "TCP"}])
)
SLICE = st.fixed_dictionaries(
    {
        "addressType": st.sampled_from(("IPv4", "IPv4", "IPv6", "FQDN")),
        "endpoints": ENDPOINTS,
        "ports": st.one_of(GOOD_PORTS, GOOD_PORTS, st.none() | st.lists(ODD_PORT, max_size=3)),
    }
)


def _is_a_pods(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not any(
        getattr(address, f"is_{kind}") for kind in ("loopback", "link_local", "multicast", "unspecified")
    )


def _follows(nodes: dict[str, Node], servers: dict[str, Server]) -> bool:
    """Tell whether HAProxy sends requests to the nodes that serve, where they are, and has nobody else's server."""
    serving = {name for name, node in nodes.items() if node.state is NodeState.SERVING}
    ready = {name for name, server in servers.items() if server.admin is Admin.READY}
    at_home = all(
        (servers[name].address, servers[name].port) == (nodes[name].address, nodes[name].port)
        for name in ready & serving
    )
    return ready == serving and servers.keys() <= nodes.keys() and at_home


@pytest.fixture
def anchor(haproxy: HAProxyProcess) -> Iterator[Node]:
    """The node that serves throughout."""
    with aside(haproxy.port) as beside:
        node = beside.add("anchor")
        yield Node(node.name, node.address, node.port, NodeState.SERVING)


@pytest.fixture
def sidecar(new_sidecar: NewSidecar) -> Iterator[SidecarLoop]:
    """The one sidecar of all examples; they must not all have been nonsense."""
    only = new_sidecar()
    yield only
    kinds = Counter(change.kind for change in only.changes)
    assert min(kinds[kind] for kind in (Kind.ADD, Kind.REMOVE)) >= 10, kinds


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(slices=st.lists(SLICE, min_size=1, max_size=4))
async def test_haproxy_follows_whatever_makes_sense(
    sidecar: SidecarLoop, anchor: Node, slices: list[dict[str, Any]]
) -> None:
    nodes = {anchor.name: anchor} | members(read_slice(raw, "http") for raw in slices)
    assert all(_is_a_pods(node.address) for node in nodes.values())
    sidecar.board.publish(nodes)
    await eventually_async(lambda: _follows(nodes, sidecar.haproxy.servers()))
    assert sidecar.refused() == []
