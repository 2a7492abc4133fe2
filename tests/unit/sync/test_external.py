from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Check
from pba_sync.watching.external import (
    Declared,
    External,
    by_hand,
    choose,
    hosts,
    is_of,
    nodes,
    read_declared,
    server_name,
    unresolved,
)
from pba_sync.watching.membership import Node, NodeState

CHECK = Check(500, 2, 2)

BY_ADDRESS = External("one", "192.0.2.7", 8080)
BY_NAME = External("two", "two.example", 81)


def config_map(content: Any) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    return {"metadata": {"name": "shop-nodes"}, "data": {"nodes.json": text}}


def declared(*external: Any) -> Declared | None:
    return read_declared(config_map({"external": list(external)}))


def test_nodes_are_read_by_name() -> None:
    raw = [
        {"name": "two", "host": "two.example", "port": 81},
        {"name": "one", "host": "192.0.2.7", "port": 8080, "weight": 3},
    ]
    assert declared(*raw) == Declared((BY_ADDRESS, BY_NAME))


@pytest.mark.parametrize("raw", [{}, {"data": None}, {"data": {}}, {"data": {"nodes.json": None}}])
def test_a_config_map_without_its_key_says_nothing(raw: dict[str, Any]) -> None:
    assert read_declared(raw) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7"])
def test_what_is_no_object_says_nothing(text: str) -> None:
    assert read_declared(config_map(text)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Up"},
        {"name": "a_b"},
        {"name": "a;b"},
        {"name": "x" * 64},
        {"name": None},
        {"host": ""},
        {"host": 7},
        {"port": 0},
        {"port": 65536},
        {"port": "80"},
        {"port": True},
    ],
)
def test_an_entry_that_makes_no_sense_is_left_out(change: dict[str, Any]) -> None:
    good = {"name": "one", "host": "192.0.2.7", "port": 8080}
    assert declared(good | change, good | {"name": "other"}) == Declared(
        (External("other", "192.0.2.7", 8080),)
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["external", "name", "host", "port"]), inner)
        ),
    )
)
def test_nothing_that_is_declared_stops_the_sidecar(content: Any) -> None:
    found = read_declared(config_map({"external": content}))
    assert found is not None
    for node in nodes(found, dict.fromkeys(hosts(found), "192.0.2.1")).values():
        commands.add_server(node.name, node.address, node.port, CHECK, 100, 128)


@pytest.mark.parametrize(
    ("raw", "names"), [(["a", "old", "a", 7, None], {"a", "old"}), ("old", set()), (None, set())]
)
def test_who_is_drained_by_hand_is_read(raw: Any, names: set[str]) -> None:
    found = read_declared(config_map({"drained": raw}))
    assert found is not None
    assert found.drained == names


def test_pods_and_nodes_outside_are_drained_by_their_names() -> None:
    drained = frozenset({"one", "a", "leaving", "nobody"})
    outside = nodes(Declared((BY_ADDRESS, External("free", "192.0.2.8", 80)), drained), {})
    assert {name: node.state.value for name, node in outside.items()} == {
        "external_one_192.0.2.7:8080": "drained",
        "external_free_192.0.2.8:80": "serving",
    }
    states = {"a": NodeState.SERVING, "b": NodeState.SERVING, "leaving": NodeState.DRAINING}
    pods = {name: Node(name, "10.0.0.1", 80, state) for name, state in states.items()}
    assert {name: node.state.value for name, node in by_hand(pods, drained).items()} == {
        "a": "drained",
        "b": "serving",
        "leaving": "draining",
    }


def test_an_address_needs_no_answer_and_a_name_does() -> None:
    both = Declared((BY_ADDRESS, BY_NAME))
    known = Node("external_one_192.0.2.7:8080", "192.0.2.7", 8080, NodeState.SERVING, proven=False)
    assert nodes(both, {}) == {known.name: known}
    assert (set(hosts(both)), set(unresolved(both, {}))) == ({"two.example"}, {"two"})
    found = Node("external_two_192.0.2.9:81", "192.0.2.9", 81, NodeState.SERVING, proven=False)
    assert nodes(both, {"two.example": "192.0.2.9"}) == {known.name: known, found.name: found}
    assert unresolved(both, {"two.example": "192.0.2.9"}) == frozenset()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%1", "::"]
)
def test_no_node_is_at_an_address_of_the_frontends_own(host: str) -> None:
    assert nodes(Declared((External("one", host, 80),)), {}) == {}
    assert choose(None, [host]) is None


def test_an_address_is_written_in_one_way() -> None:
    assert list(nodes(Declared((External("six", "FD00:0::7", 80),)), {})) == ["external_six_fd00::7:80"]


def test_of_several_addresses_the_known_one_stays() -> None:
    assert choose("192.0.2.9", ["192.0.2.10", "192.0.2.9"]) == "192.0.2.9"
    assert choose("192.0.2.8", ["fd00::1", "192.0.2.10", "192.0.2.9"]) == "192.0.2.9", "the first in order"
    assert choose(None, ["fd00::a", "fd00::2"]) == "fd00::2"
    assert choose("192.0.2.8", []) is None


def test_a_name_is_no_pods_and_no_other_nodes() -> None:
    name = server_name(BY_ADDRESS, "fd00::7")
    assert name == "external_one_fd00::7:8080"
    assert is_of(name, "one")
    assert not is_of(name, "on")
    assert not is_of(server_name(External("one-b", "x", 1), "192.0.2.1"), "one")
    commands.add_server(name, "fd00::7", 8080, CHECK, 100, 128)
