"""Which nodes HAProxy is told of for the case that too few pass their checks, and how it is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pba_lab.model import HAProxyModel

from pba_sync.haproxy.floor import Floor, steps, worth_asking
from pba_sync.haproxy.servers import Admin, Connects, Server

NODES = st.sets(st.sampled_from([f"node-{number}" for number in range(8)]))


def known(model: HAProxyModel) -> Floor:
    size = dict(model.floor_size).get("nodes")
    return Floor({int(place): name for place, name in model.floor}, None if size is None else int(size))


@given(st.lists(NODES, max_size=6))
def test_whatever_is_drawn_is_a_node_that_was_or_is_there(sets: list[set[str]]) -> None:
    model = HAProxyModel()
    before: set[str] = set()
    for wanted in sets:
        for command in steps(known(model), wanted):
            assert model.ask(command.text).strip() == ""
            drawn = [known(model).places[place] for place in range(known(model).size or 0)]
            assert set(drawn) <= before | wanted
        assert sorted(name for _, name in model.floor) == sorted(wanted)
        assert model.floor_size == [("nodes", str(len(wanted)))]
        assert steps(known(model), wanted) == []
        before = wanted


def test_of_a_thousand_nodes_one_that_goes_moves_one() -> None:
    nodes = [f"node-{number}" for number in range(1000)]
    floor = Floor(dict(enumerate(nodes)), 1000)
    texts = [command.text for command in steps(floor, set(nodes) - {"node-3"})]
    assert texts == [
        "set map virt@floor 3 node-999",
        "set map virt@floor-size nodes 999",
        "del map virt@floor 999",
    ]


def test_what_somebody_else_has_left_there_is_set_right() -> None:
    floor = Floor({0: "a", 1: "a", 7: "b"}, 3)
    assert [command.text for command in steps(floor, {"a", "b"})] == [
        "set map virt@floor 1 b",
        "set map virt@floor-size nodes 2",
        "del map virt@floor 7",
    ]


def test_who_takes_no_connection_is_not_asked_unless_nobody_does() -> None:
    def asked(**connects: Connects) -> list[str]:
        live = {
            name: Server(name, "10.0.0.1", 80, Admin.READY, checked=True, up=False, connects=how)
            for name, how in connects.items()
        }
        return worth_asking([*connects, "coming"], live)

    yes, late, no = Connects.YES, Connects.LATE, Connects.NO
    assert asked(bad=yes, dead=no) == ["bad"]
    assert asked(dead=no, gone=no) == ["dead", "gone"]
    assert asked(bad=yes, worse=yes, gone=late, dead=no) == ["bad", "worse"]
    assert asked(bad=yes, busy=late, busier=late, dead=no) == ["bad", "busy", "busier"], "it may be the load"
    assert asked(busy=late, dead=no) == ["busy"]
    assert worth_asking(["coming"], {}) == []
