"""The processes of each part freeze or are killed under load while their machine stays: only in the long form."""

from __future__ import annotations

import pytest
from pba_nodes.books import Audit
from pba_nodes.conditions import ReadyHistory
from pba_nodes.frontends import answered_by, haproxy_identity, none_fails_in, serving
from pba_nodes.operatorless import without_operator
from pba_nodes.stage import CLIENTS, Stage, load, name_of, serve_newcomers

from pba_hack.kubectl import wait_for
from pba_hack.traffic.shopper import Shopper

pytestmark = pytest.mark.long


def test_a_frozen_operator_is_not_noticed_and_an_edit_waits(
    stage: Stage, shopper: Shopper, orders_before: int
) -> None:
    stage.arrange(operator=stage.third, backends=(stage.home, stage.second))
    without_operator(stage, shopper, orders_before, lambda: stage.freeze(stage.operator_pod(), "operator"))


def test_a_frozen_database_loses_no_acknowledged_order(
    stage: Stage, shopper: Shopper, orders_before: int
) -> None:
    stage.arrange(operator=stage.third, backends=(stage.home, stage.second))
    address = stage.address(stage.pod("frontend", stage.second))
    audit = Audit.open(*address)
    with ReadyHistory(stage.shop, "shop") as ready, load(address, shopper.visit) as steady:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        stage.freeze(stage.pod("database", stage.home), "mysql")
        wait_for("the fault to reach the clients", lambda: steady.tally.snapshot().failed)
        ready.wait_blamed("DatabaseReady")
        stage.mend()
        wait_for("orders again", lambda: none_fails_in(steady, 100))
    serve_newcomers([address], shopper.visit)
    audit.close(*address, shopper)


def test_a_frozen_backend_costs_each_client_one_request_at_most(
    stage: Stage, shopper: Shopper, orders_before: int
) -> None:
    stage.arrange(operator=stage.home, backends=(stage.home, stage.third))
    victim, other = stage.pod("backend", stage.third), stage.pod("backend", stage.home)
    address = stage.address(stage.pod("frontend", stage.second))
    audit = Audit.open(*address)
    with load(address, shopper.visit) as steady:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        wait_for("the backend to answer", lambda: answered_by((steady,), name_of(victim)))
        stage.freeze(victim, "application")
        wait_for("it to be found out", lambda: serving(stage.shop, "shop-backend") == {name_of(other)})
        assert serve_newcomers([address], shopper.visit) == {name_of(other), stage.management()}
        stage.mend()
        answers = answered_by((steady,), name_of(victim))
        wait_for("it to answer again", lambda: answered_by((steady,), name_of(victim)) > answers)
    counts = steady.tally.snapshot()
    assert counts.failed <= CLIENTS, counts.by_failure
    audit.close(*address, shopper)


def test_a_frozen_haproxy_is_left_aside_and_comes_back_by_itself(
    stage: Stage, shopper: Shopper, orders_before: int
) -> None:
    stage.arrange(operator=stage.home, backends=(stage.home, stage.third))
    victim, other = stage.pod("frontend", stage.second), stage.pod("frontend", stage.home)
    audit = Audit.open(*stage.address(other))
    process = haproxy_identity(stage.shop, name_of(victim))
    steady, clients = load(stage.address(other), shopper.visit), load(stage.service_address(), shopper.visit)
    with steady, clients:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        stage.freeze(victim, "haproxy")
        wait_for("it to be left aside", lambda: serving(stage.shop, "shop") == {name_of(other)})
        wait_for("all machines to know", lambda: none_fails_in(clients, 100))
        # Nobody thaws it: the kubelet finds that it hangs, and puts another one in its place.
        wait_for("it to be back", lambda: serving(stage.shop, "shop") == {name_of(victim), name_of(other)})
    counts = steady.tally.snapshot()
    assert counts.failed == 0, counts.by_failure
    assert haproxy_identity(stage.shop, name_of(victim)) != process
    serve_newcomers([stage.address(victim)], shopper.visit)
    audit.close(*stage.address(other), shopper)


@pytest.mark.parametrize(
    ("role", "container", "failures"),
    [("database", "mysql", None), ("management", "application", CLIENTS), ("backend", "application", CLIENTS),
     ("frontend", "haproxy", 0), ("operator", "operator", 0)],
)  # fmt: skip
def test_what_is_killed_comes_back_by_itself(
    stage: Stage, shopper: Shopper, orders_before: int, role: str, container: str, failures: int | None
) -> None:
    """Clients of the other frontend see what their own requests met, and nothing else."""
    stage.arrange(operator=stage.third, backends=(stage.home, stage.second))
    address = stage.address(stage.pod("frontend", stage.second))
    victim = stage.operator_pod() if role == "operator" else stage.pod(role, stage.home)
    audit = Audit.open(*address)
    with load(address, shopper.visit) as steady:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        stage.kill(victim, container)
        orders = len(shopper.acknowledged)
        wait_for("orders to go on", lambda: len(shopper.acknowledged) > orders + 10)
        stage.mend()
    counts = steady.tally.snapshot()
    assert failures is None or counts.failed <= failures, counts.by_failure
    serve_newcomers([address], shopper.visit)
    audit.close(*address, shopper)
