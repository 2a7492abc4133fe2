"""The machine of each part crashes under load: what works without that part goes on, and it comes back by itself."""

from __future__ import annotations

from functools import partial

from pba_nodes.books import Audit
from pba_nodes.conditions import ReadyHistory
from pba_nodes.frontends import answered_by, failed_checks, haproxy_identity, none_fails_in, serving
from pba_nodes.operatorless import without_operator
from pba_nodes.stage import CLIENTS, MANY_CLIENTS, Stage, load, name_of, outcome, serve_newcomers

from pba_hack.kubectl import wait_for
from pba_hack.traffic.shopper import Shopper

NOTICE_SECONDS = 150
"""A deadline for Kubernetes to notice that a machine is silent: about 50 s by its defaults."""


def _has_found(stage: Stage, frontend: str, backend: str, before: int) -> bool:
    return failed_checks(stage.shop, frontend, backend) > before


def test_without_the_operators_nobody_notices_and_an_edit_waits(
    stage: Stage, shopper: Shopper, fault: str, orders_before: int, figures: dict[str, object]
) -> None:
    stage.arrange(operator=stage.third, backends=(stage.home, stage.second))
    loads = without_operator(stage, shopper, orders_before, lambda: stage.break_machine(fault, stage.third))
    figures |= {f"clients of {each.target[0]}": outcome(each) for each in loads}


def test_the_databases_loses_no_acknowledged_order(
    stage: Stage, shopper: Shopper, fault: str, orders_before: int, figures: dict[str, object]
) -> None:
    stage.arrange(operator=stage.third, backends=(stage.home, stage.second))
    clients_of = stage.address(stage.pod("frontend", stage.second))
    audit = Audit.open(*clients_of)
    with ReadyHistory(stage.shop, "shop") as ready, load(clients_of, shopper.visit) as steady:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        stage.break_machine(fault, stage.home)
        wait_for("the fault to reach the clients", lambda: steady.tally.snapshot().failed)
        if fault == "partition":
            ready.wait_blamed("DatabaseReady", NOTICE_SECONDS)
        stage.mend()
        assert ready.blamed("DatabaseReady")
        orders = len(shopper.acknowledged)
        wait_for("orders again", lambda: len(shopper.acknowledged) > orders + 10)
    serve_newcomers([clients_of, stage.address(stage.pod("frontend", stage.home))], shopper.visit)
    audit.close(*clients_of, shopper)
    figures["clients"] = outcome(steady)
    figures["orders"] = (
        f"{len(shopper.asked)} sent, {len(shopper.acknowledged)} acknowledged, 0 of these lost"
    )


def test_a_backends_takes_along_what_was_in_flight_there(
    stage: Stage, shopper: Shopper, fault: str, orders_before: int, figures: dict[str, object]
) -> None:
    stage.arrange(operator=stage.home, backends=(stage.home, stage.third))
    victim, other = (name_of(stage.pod("backend", node)) for node in (stage.third, stage.home))
    frontends = stage.pods("frontend")
    addresses = [stage.address(pod) for pod in frontends]
    processes = [haproxy_identity(stage.shop, name_of(pod)) for pod in frontends]
    assert all(processes)
    found = [failed_checks(stage.shop, name_of(pod), victim) for pod in frontends]
    audit = Audit.open(*addresses[0])
    loads = tuple(load(address, shopper.visit) for address in addresses)
    with ReadyHistory(stage.shop, "shop") as ready, loads[0], loads[1]:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        wait_for("the backend to answer", lambda: answered_by(loads, victim))
        stage.break_machine(fault, stage.third)
        for pod, before in zip(frontends, found, strict=True):
            name = name_of(pod)
            wait_for(
                f"the checks of {name} to find it",
                partial(_has_found, stage, name, victim, before),
            )
        assert serve_newcomers(addresses, shopper.visit) == {other, stage.management()}
        if fault == "partition":
            ready.wait_blamed("BackendReady", NOTICE_SECONDS)
        stage.mend()
        assert ready.blamed("BackendReady")
        answers = answered_by(loads, victim)
        wait_for("the backend to answer again", lambda: answered_by(loads, victim) > answers)
    figures |= {f"clients of {each.target[0]}": outcome(each) for each in loads}
    for each in loads:
        # What was in flight on that machine, and nothing else: each client had one request at a time.
        counts = each.tally.snapshot()
        assert counts.failed <= CLIENTS, counts.by_failure
        assert counts.sent == counts.answered + counts.failed
    assert [haproxy_identity(stage.shop, name_of(pod)) for pod in frontends] == processes
    serve_newcomers(addresses, shopper.visit)
    audit.close(*addresses[0], shopper)


def test_a_frontends_is_not_noticed_at_the_other_frontend(
    stage: Stage, shopper: Shopper, fault: str, orders_before: int, figures: dict[str, object]
) -> None:
    """What is in front of the frontends is Kubernetes' own: it sends clients to a dead one until it notices."""
    stage.arrange(operator=stage.home, backends=(stage.home, stage.third))
    other = stage.pod("frontend", stage.home)
    audit = Audit.open(*stage.address(other))
    process = haproxy_identity(stage.shop, name_of(other))
    steady = load(stage.address(other), shopper.visit)
    clients = load(stage.service_address(), shopper.visit, MANY_CLIENTS)
    with ReadyHistory(stage.shop, "shop") as ready, steady, clients:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        stage.break_machine(fault, stage.second)
        answered = clients.tally.snapshot().answered
        ready.wait_blamed("FrontendReady", NOTICE_SECONDS)
        wait_for("Kubernetes to send nobody there", lambda: serving(stage.shop, "shop") == {name_of(other)})
        unnoticed = clients.tally.snapshot()
        # One of two is dead: the other still gets its share of the clients.
        assert unnoticed.answered > answered
        wait_for("all machines to know", lambda: none_fails_in(clients, 100))
        serve_newcomers([stage.service_address()], shopper.visit)
        stage.mend()
    figures["through the Service until Kubernetes noticed"] = (
        f"{unnoticed.answered - answered} requests answered, {unnoticed.failed} failed {unnoticed.by_failure}"
    )
    figures["at the other frontend meanwhile"] = outcome(steady)
    counts = steady.tally.snapshot()
    assert counts.failed == 0, counts.by_failure
    assert counts.sent == counts.answered > 100
    assert haproxy_identity(stage.shop, name_of(other)) == process
    back = stage.address(stage.pod("frontend", stage.second))
    serve_newcomers([back, stage.service_address()], shopper.visit)
    audit.close(*stage.address(other), shopper)
