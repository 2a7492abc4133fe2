"""What must not wait for the operator, whatever has taken it away."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from pba_hack.kubectl import wait_for
from pba_hack.traffic import Load
from pba_hack.traffic.shopper import Shopper
from pba_nodes.books import Audit
from pba_nodes.frontends import answered_by
from pba_nodes.stage import Stage, load, name_of


def without_operator(
    stage: Stage, shopper: Shopper, orders_before: int, take_away: Callable[[], None]
) -> tuple[Load, ...]:
    """Show that nothing fails while the operator is away, and that it carries out afterwards what was asked meanwhile.

    Args:
        stage: everything Ready.
        shopper: who shops meanwhile.
        orders_before: how many orders are made before the fault.
        take_away: brings about the fault, which `stage.mend` undoes.

    Returns:
        The clients of each frontend, when they have left.

    Raises:
        AssertionError: a request failed, or something of it is not so.
    """
    frontends = stage.pods("frontend")
    audit = Audit.open(*stage.address(frontends[0]))
    before = {name_of(pod) for pod in stage.pods("backend")}
    loads = tuple(load(stage.address(pod), shopper.visit) for pod in frontends)
    with loads[0], loads[1]:
        wait_for("some orders", lambda: len(shopper.acknowledged) > orders_before)
        take_away()
        mark = uuid.uuid4().hex
        edit = {"spec": {"service": {"annotations": {"chaos/edit": mark}}}}
        stage.shop.merge("pbacluster", "shop", edit)
        stage.shop("delete", "pod", sorted(before)[orders_before % 2], "--wait=false")

        def replaced() -> bool:
            new = {name_of(pod) for pod in stage.pods("backend")} - before
            return any(answered_by(loads, node) for node in new)

        wait_for("a new backend to answer", replaced)
        orders = len(shopper.acknowledged)
        wait_for("orders to go on", lambda: len(shopper.acknowledged) > orders + 10)
        assert _edit(stage) != mark, "the operator was not away: nothing was shown"
        stage.mend()
        assert _edit(stage) == mark
    for each in loads:
        counts = each.tally.snapshot()
        assert counts.failed == 0, counts.by_failure
        assert counts.sent == counts.answered > 100
    audit.close(*stage.address(frontends[0]), shopper)
    return loads


def _edit(stage: Stage) -> str | None:
    service = stage.shop.get("service", "shop")
    assert service is not None
    edit: str | None = service["metadata"].get("annotations", {}).get("chaos/edit")
    return edit
