"""Two operators on nodes: one acts, the other takes over, and never do two act at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pba_nodes import operators
from pba_nodes.faults import Faults
from pba_nodes.operators import Write

from pba_hack.audit import AuditLog
from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Load
from pba_hack.traffic.shopper import Shopper

Json = dict[str, Any]

CLEAN_SECONDS = 5.0
"""The other asks every second; who has to wait until the Lease has run out waits for 15. The bench has the figure."""
CRASH_SECONDS = 20.0
EDIT = "e2e/edit"
CHILDREN = (
    "statefulset",
    "deployment",
    "service",
    "configmap",
    "secret",
    "persistentvolumeclaim",
    "poddisruptionbudget",
    "networkpolicy",
    "serviceaccount",
    "role",
    "rolebinding",
    "pod",
)


@pytest.fixture(scope="module")
def pair(operator: Kubectl, shop: Kubectl) -> Iterator[Kubectl]:
    """Return kubectl beside two operators, on two machines, of which one holds the Lease."""
    shop.wait_ready("shop")
    _scale(operator, 2)
    wait_for("a holder", lambda: operators.holder(operator) in _pods(operator))
    yield operator
    _scale(operator, 1)


def _scale(operator: Kubectl, number: int) -> None:
    operator("scale", "deployment/pba-operator", f"--replicas={number}")
    operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")
    wait_for(f"{number} operators", lambda: len(_pods(operator)) == number)


def _pods(operator: Kubectl) -> set[str]:
    return {pod["metadata"]["name"] for pod in operator.items("pods", operators.SELECTOR)}


def _edit(shop: Kubectl) -> str:
    """Ask for a change of a child; return what it is to become."""
    mark = uuid.uuid4().hex
    patch = {"spec": {"service": {"annotations": {EDIT: mark}}}}
    shop.merge("pbacluster", "shop", patch)
    return mark


def _await_edit(shop: Kubectl, mark: str, seconds: float = 60.0) -> None:
    def done() -> bool:
        service = shop.get("service", "shop") or {}
        return bool(service.get("metadata", {}).get("annotations", {}).get(EDIT) == mark)

    wait_for("the edit to be carried out", done, seconds)


def _await_other(operator: Kubectl, former: str) -> str:
    def other() -> str | None:
        found = operators.holder(operator)
        return found if found not in ("", former) else None

    return wait_for("another holder", other, 60)


def _taken_over(operator: Kubectl, shop: Kubectl, log: AuditLog, former: str) -> tuple[str, Write, Write]:
    """Ask for a change that the former holder cannot make; return who made it, and the two writes of `_handed_over`."""
    mark = _edit(shop)
    later = _await_other(operator, former)
    _await_edit(shop, mark)
    return later, *_handed_over(log, former, later)


def _handed_over(log: AuditLog, former: str, later: str) -> tuple[Write, Write]:
    """Return the former holder's last write of any kind before the later one's first, and that."""
    written = operators.writes(log)
    first = next(write for write in written if write.pod == later)
    last = [write for write in written if write.pod == former and write.at <= first.at][-1]
    return last, first


def _never_both(log: AuditLog, former: str, later: str) -> None:
    """See that the former holder has written nothing since the later one took the Lease."""
    written = operators.writes(log)
    taken = next(write for write in written if write.pod == later and write.is_of_lease)
    after = [write for write in written if write.pod == former and write.at > taken.at]
    assert after == []
    assert any(write.pod == later and not write.is_of_lease for write in written), "the later one never acted"


def test_after_a_clean_stop_the_other_acts_at_once(pair: Kubectl, shop: Kubectl) -> None:
    former, log = operators.holder(pair), operators.audit_log()
    pair("delete", "pod", former, "--wait=false")
    later, last, first = _taken_over(pair, shop, log, former)
    assert last.is_of_lease, "the Lease was not given back"
    assert first.at - last.at <= timedelta(seconds=CLEAN_SECONDS)
    _never_both(log, former, later)


def test_a_frozen_holder_is_replaced_and_ends_when_it_goes_on(
    pair: Kubectl, shop: Kubectl, faults: Faults
) -> None:
    wait_for("two operators", lambda: len(_pods(pair)) == 2)
    pair("rollout", "status", "deployment/pba-operator", "--timeout=90s")
    former, log = operators.holder(pair), operators.audit_log()
    wait_for("a renewal", lambda: any(write.pod == former for write in operators.writes(log)))
    faults.begin("freeze", former, "--namespace", pair.namespace, "--container", "operator")
    later, last, first = _taken_over(pair, shop, log, former)
    assert first.at - last.at <= timedelta(seconds=CRASH_SECONDS)
    faults.end_all()

    def ended() -> Json | None:
        return _last_end(pair, former)

    end = wait_for("the former holder to end by itself", ended, 60)
    assert end["exitCode"] == 1, end
    _never_both(log, former, later)


def test_a_holder_that_is_cut_off_has_ended_before_the_other_acts(
    pair: Kubectl, shop: Kubectl, faults: Faults
) -> None:
    former = operators.holder(pair)
    (pod,) = [pod for pod in pair.items("pods", operators.SELECTOR) if pod["metadata"]["name"] == former]
    before = _last_end(pair, former)
    log = operators.audit_log()
    wait_for("a renewal", lambda: any(write.pod == former for write in operators.writes(log)))
    faults.begin("partition", pod["spec"]["nodeName"])
    later, last, first = _taken_over(pair, shop, log, former)
    assert first.at - last.at <= timedelta(seconds=CRASH_SECONDS)
    faults.end_all()

    def ended() -> Json | None:
        end = _last_end(pair, former)
        return end if end != before else None

    end = wait_for("the kubelet to tell of the former holder's end", ended, 120)
    # The kubelet tells whole seconds, rounded down.
    finished = datetime.fromisoformat(end["finishedAt"]) + timedelta(seconds=1)
    assert finished < first.at, "the former holder still ran when the other began"
    _never_both(log, former, later)
    shop.wait_ready("shop")


def _last_end(operator: Kubectl, name: str) -> Json | None:
    """Return how the last process of an operator's pod ended; None if none has, or the pod is gone."""
    pod = operator.get("pod", name) or {}
    for status in pod.get("status", {}).get("containerStatuses", ()):
        for state in ("state", "lastState"):
            if "terminated" in status.get(state, {}):
                return dict(status[state]["terminated"])
    return None


def test_replacing_the_operator_is_noticed_by_nobody(operator: Kubectl, shop: Kubectl, address: str) -> None:
    shop.wait_ready("shop")
    before = _versions(shop)
    former = _pods(operator)
    shopper = Shopper()
    with Load(address, 80, shopper.visit) as load:
        wait_for("some orders", lambda: len(shopper.acknowledged) > 10)
        operator("rollout", "restart", "deployment/pba-operator")
        operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")
        wait_for("the former operator to be gone", lambda: not former & _pods(operator))
        _await_edit(shop, _edit(shop))
        orders = len(shopper.acknowledged)
        wait_for("orders to go on", lambda: len(shopper.acknowledged) > orders + 10)
    counts = load.tally.snapshot()
    assert counts.failed == 0, counts.by_failure
    assert counts.answered == counts.sent > 100
    after = _versions(shop)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {"Service/shop"}, "more has changed than what was edited"


def _versions(shop: Kubectl) -> dict[str, str]:
    return {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
        for item in shop.items(",".join(CHILDREN), "pba.dev/cluster=shop")
    }
