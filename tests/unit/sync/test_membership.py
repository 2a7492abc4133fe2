from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_sync.watching.membership import NodeState, members, read_slice

Make = Callable[..., dict[str, Any]]
READY = {"ready": True, "serving": True, "terminating": False}
LEAVING = {"ready": False, "serving": True, "terminating": True}
NOT_READY = {"ready": False, "serving": False, "terminating": False}


def states(*slices: dict[str, Any]) -> dict[str, str]:
    found = members(read_slice(raw, "http") for raw in slices)
    return {name: node.state.value for name, node in found.items()}


def test_a_ready_pod_serves_under_its_name_and_address(endpoint: Make, endpoint_slice: Make) -> None:
    found = members([read_slice(endpoint_slice(endpoint("shop-backend-a", "10.0.0.7"), port=3000), "http")])
    node = found["shop-backend-a"]
    assert (node.address, node.port, node.state) == ("10.0.0.7", 3000, NodeState.SERVING)


def test_a_terminating_pod_drains_although_it_still_serves(endpoint: Make, endpoint_slice: Make) -> None:
    raw = endpoint_slice(endpoint("a", "10.0.0.1", **LEAVING), endpoint("b", "10.0.0.2"))
    assert states(raw) == {"a": "draining", "b": "serving"}


@pytest.mark.parametrize(
    ("conditions", "state", "keeps"),
    [
        (LEAVING, NodeState.DRAINING, True),
        (NOT_READY, NodeState.UNREADY, False),
        ({**LEAVING, "serving": False}, NodeState.DRAINING, False),
    ],
)
def test_of_the_nodes_that_drain_those_keep_their_clients_that_go_and_still_serve(
    conditions: dict[str, bool],
    state: NodeState,
    keeps: bool,
    endpoint: Make,
    endpoint_slice: Make,
) -> None:
    raw = endpoint_slice(endpoint("a", "10.0.0.1", **conditions), endpoint("b", "10.0.0.2"))
    node = members([read_slice(raw, "http")])["a"]
    assert (node.state, node.keeps_clients) == (state, keeps)


def test_a_pod_that_is_not_ready_gets_no_requests(endpoint: Make, endpoint_slice: Make) -> None:
    raw = endpoint_slice(endpoint("a", "10.0.0.1", **NOT_READY), endpoint("b", "10.0.0.2"))
    assert states(raw) == {"a": "unready", "b": "serving"}


def test_where_nobody_else_serves_those_that_terminate_and_still_serve_are_used(
    endpoint: Make, endpoint_slice: Make
) -> None:
    raw = endpoint_slice(
        endpoint("a", "10.0.0.1", **LEAVING),
        endpoint("b", "10.0.0.2", ready=False, serving=False, terminating=True),
        endpoint("c", "10.0.0.3", **NOT_READY),
    )
    assert states(raw) == {"a": "serving", "b": "draining", "c": "unready"}


def test_a_pod_that_is_only_said_to_serve_gets_no_requests(endpoint: Make, endpoint_slice: Make) -> None:
    raw = endpoint_slice(endpoint("a", "10.0.0.1", ready=False, serving=True, terminating=False))
    assert states(raw) == {"a": "unready"}


def test_absent_conditions_mean_ready(endpoint_slice: Make) -> None:
    raw = endpoint_slice({"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "a"}})
    assert states(raw) == {"a": "serving"}


def test_a_pod_in_two_slices_is_one_node(endpoint: Make, endpoint_slice: Make) -> None:
    one = endpoint_slice(endpoint("a", "10.0.0.1"))
    assert states(one, one) == {"a": "serving"}


@pytest.mark.parametrize("turned", [False, True])
def test_terminating_wins_over_what_an_older_slice_says(
    endpoint: Make, endpoint_slice: Make, *, turned: bool
) -> None:
    old = endpoint_slice(endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.2"))
    new = endpoint_slice(endpoint("a", "10.0.0.1", **LEAVING))
    slices = (new, old) if turned else (old, new)
    assert states(*slices) == {"a": "draining", "b": "serving"}


def test_ipv6_addresses_are_written_in_one_way(endpoint: Make, endpoint_slice: Make) -> None:
    raw = endpoint_slice(endpoint("a", "FD00:0:0::0001"), family="IPv6")
    assert members([read_slice(raw, "http")])["a"].address == "fd00::1"


def test_of_a_pod_with_two_families_the_ipv4_address_is_used(endpoint: Make, endpoint_slice: Make) -> None:
    six = endpoint_slice(endpoint("a", "fd00::1"), family="IPv6")
    four = endpoint_slice(endpoint("a", "10.0.0.1"))
    for slices in ((six, four), (four, six)):
        assert members(read_slice(raw, "http") for raw in slices)["a"].address == "10.0.0.1"


def test_pods_with_different_ports_come_in_slices_of_their_own(endpoint: Make, endpoint_slice: Make) -> None:
    found = members(
        [
            read_slice(endpoint_slice(endpoint("old", "10.0.0.1"), port=8080), "http"),
            read_slice(endpoint_slice(endpoint("new", "10.0.0.2"), port=9090), "http"),
        ]
    )
    assert {name: node.port for name, node in found.items()} == {"old": 8080, "new": 9090}


def test_an_endpoint_that_is_no_pod_is_called_after_its_address(endpoint_slice: Make) -> None:
    raw = endpoint_slice({"addresses": ["fd00::2"]}, family="IPv6")
    assert list(states(raw)) == ["address-fd00--2"]


@pytest.mark.parametrize("name", ["a b", "a;show info", "../a", "", "a\nb", 7, None, "-a", "x" * 300])
def test_a_name_that_is_none_is_not_used(endpoint_slice: Make, name: object) -> None:
    raw = endpoint_slice({"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": name}})
    assert list(states(raw)) == ["address-10-0-0-1"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com",
        "10.0.0",
        "0.0.0.0",  # noqa: S104 - to be refused
        "224.0.0.1",
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        None,
        7,
    ],
)
def test_an_address_that_no_pod_can_have_is_left_out(endpoint_slice: Make, address: object) -> None:
    good = {"addresses": ["10.0.0.9"], "targetRef": {"kind": "Pod", "name": "good"}}
    raw = endpoint_slice({"addresses": [address], "targetRef": {"kind": "Pod", "name": "bad"}}, good)
    assert states(raw) == {"good": "serving"}


@pytest.mark.parametrize(
    "ports",
    [
        None,
        [],
        [{"name": "other", "port": 8080}],
        [{"name": "http", "port": None}],
        [{"name": "http", "port": 0}],
        [{"name": "http", "port": 65536}],
        [{"name": "http", "port": True}],
        [{"name": "http", "port": 8080, "protocol": "UDP"}],
        "http",
    ],
)
def test_a_slice_without_our_port_has_nothing_for_us(
    endpoint: Make, endpoint_slice: Make, ports: object
) -> None:
    assert states({**endpoint_slice(endpoint("a", "10.0.0.1")), "ports": ports}) == {}


def test_a_slice_of_names_is_left_out(endpoint: Make, endpoint_slice: Make) -> None:
    assert states({**endpoint_slice(endpoint("a", "10.0.0.1")), "addressType": "FQDN"}) == {}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.sampled_from(["http", "IPv4", "10.0.0.1", "Pod", "::1", "x y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "endpoints",
                    "addresses",
                    "conditions",
                    "ready",
                    "serving",
                    "terminating",
                    "targetRef",
                    "kind",
                    "name",
                    "ports",
                    "port",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    raw=st.fixed_dictionaries({"addressType": st.just("IPv4")}, optional={"endpoints": JSON, "ports": JSON})
)
def test_no_input_stops_the_reading(raw: dict[str, Any]) -> None:
    raw["ports"] = [{"name": "http", "port": 8080}] if raw.get("ports") is None else raw["ports"]
    for node in members([read_slice(raw, "http")]).values():
        assert node.port > 0
        assert " " not in node.name


ENDPOINTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@given(told=ENDPOINTS, order=st.randoms(use_true_random=False))
def test_the_order_of_slices_does_not_matter(
    told: list[tuple[str, str, bool, bool, bool]], order: Any
) -> None:
    slices = [
        {
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 80}],
            "endpoints": [
                {
                    "addresses": [address],
                    "targetRef": {"kind": "Pod", "name": name},
                    "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
                }
            ],
        }
        for name, address, ready, serving, terminating in told
    ]
    first = members(read_slice(raw, "http") for raw in slices)
    order.shuffle(slices)
    assert members(read_slice(raw, "http") for raw in slices) == first
