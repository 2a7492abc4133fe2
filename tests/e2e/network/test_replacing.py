"""Rules that take the place of others: nothing slips through, nothing is lost, and an error changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pba_policies.making import DENY_INGRESS, A, policy
from pba_policies.stage import PODS, world
from pba_wires.stage import Wires, run

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.policies import kernel
from pba_hack.waiting import wait_for

XA = PODS["x/a"]


@pytest.fixture(scope="module", autouse=True)
def server(stage: Wires) -> Iterator[None]:
    with stage.listener(stage.pods["x/a"], 80):
        yield


def tables(stage: Wires) -> list[str]:
    listed = run(stage.nodes[XA.node], "nft", "list", "tables", "inet").split()
    return [word for word in listed if word.startswith("pba-")]


def test_one_table_takes_the_others_place(stage: Wires) -> None:
    stage.enforce(world())
    [first] = tables(stage)
    stage.enforce(world())
    [second] = tables(stage)
    assert {first, second} == set(kernel.TABLES)


@pytest.mark.parametrize("name", kernel.TABLES)
def test_a_change_that_was_cut_short_is_made_good_by_the_next(stage: Wires, name: str) -> None:
    stage.enforce(world())
    node = stage.nodes[XA.node]
    shut = "chain forward { type filter hook forward priority 0; policy drop; }"
    run(
        node,
        "nft",
        "-f",
        "-",
        text=f"table inet {name} {{ }}; delete table inet {name}; table inet {name} {{ {shut}; }}\n",
    )
    assert not stage.answers(stage.pods["x/b"], XA.address)
    stage.enforce(world())
    assert len(tables(stage)) == 1
    assert stage.answers(stage.pods["x/b"], XA.address)


def test_rules_that_the_kernel_refuses_leave_the_former_ones(stage: Wires) -> None:
    stage.enforce(world(policy("closed", A, ingress=[])))
    before = tables(stage)
    with pytest.raises(ClusterError, match="nft: "):
        kernel.apply(stage.nodes[XA.node], "\tchain forward { nonsense }\n")
    assert tables(stage) == before
    assert not stage.answers(stage.pods["x/b"], XA.address)


def test_while_rules_are_replaced_nothing_slips_through_and_nothing_is_lost(stage: Wires) -> None:
    stop, answered, lost = threading.Event(), [0], [0]
    closed = [world(DENY_INGRESS), world(DENY_INGRESS, policy("other", {}, "y", ingress=[{}]))]
    stage.enforce(closed[0])
    with (
        stage.udp(stage.pods["x/b"]) as forbidden,
        stage.udp(stage.pods["x/a"], ("", 7001)) as shut,
        stage.listener(stage.pods["y/b"], 7002) as server,
    ):

        def hammer() -> None:
            while not stop.is_set():
                forbidden.sendto(b"!", (XA.address, 7001))
                connection = stage.connects(stage.pods["x/b"], PODS["y/b"].address, 7002)
                if connection:
                    server.accept()[0].close()
                    connection.close()
                    answered[0] += 1
                else:
                    lost[0] += 1

        thread = threading.Thread(target=hammer)
        thread.start()
        for turn in range(60):
            stage.enforce(closed[turn % 2])
        wait_for("the thread was at work, too", lambda: answered[0] > 60, 60)
        stop.set()
        thread.join(20)
        shut.setblocking(False)
        with pytest.raises(BlockingIOError):
            shut.recv(16)
    assert lost[0] == 0
