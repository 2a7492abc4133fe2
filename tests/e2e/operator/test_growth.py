"""From one node to backends behind frontends, and back, by edits of one resource, under clients that never retry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pba_nodes.books import Audit
from pba_nodes.frontends import none_fails_in, serving

from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Load
from pba_hack.traffic.address import clients_address
from pba_hack.traffic.shopper import Shopper

Json = dict[str, Any]

ANSWERS = 200


def _wait_stage(namespace: Kubectl, stage: str) -> None:
    def reached() -> bool:
        found = namespace.get("pbacluster", "grows") or {}
        ready = namespace.condition("grows", "Ready") or {}
        return found.get("status", {}).get("stage") == stage and ready.get("status") == "True"

    wait_for(f"the stage {stage}", reached)


def _answering(load: Load) -> set[str]:
    """Return the nodes that give the next answers."""
    before = load.tally.snapshot().by_node
    assert none_fails_in(load, ANSWERS)
    after = load.tally.snapshot().by_node
    return {node for node, count in after.items() if count > before.get(node, 0)}


def _pods(namespace: Kubectl, *components: str) -> set[str]:
    selector = f"pba.dev/cluster=grows,pba.dev/component in ({','.join(components)})"
    return {pod["metadata"]["name"] for pod in namespace.items("pods", selector)}


def _add(namespace: Kubectl, path: str, value: object) -> None:
    namespace.patch("pbacluster", "grows", {"op": "add", "path": path, "value": value})


def _frontends_carry(namespace: Kubectl) -> bool:
    """Tell whether the address leads to frontends that are ready."""
    frontends = _pods(namespace, "frontend")
    return bool(frontends) and serving(namespace, "grows") == frontends


def test_it_grows_and_shrinks_without_losing_a_request(
    operator: Kubectl, namespace: Kubectl, manifest: Callable[..., Json]
) -> None:
    assert operator
    namespace.apply(manifest("grows", cluster=False))
    _wait_stage(namespace, "Standalone")
    address = clients_address(namespace, "grows")
    shopper, books = Shopper(), Audit.open(address, 80)
    grown = manifest("grows")["spec"]
    with Load(address, 80, shopper.visit) as load:
        assert _answering(load) == _pods(namespace, "management")
        _add(namespace, "/spec/frontend", grown["frontend"])
        wait_for("the frontends to lead to the management node", lambda: _frontends_carry(namespace))
        assert _answering(load) == _pods(namespace, "management")
        # In one edit: nobody may answer until the first backend does, unless the management node stays so long.
        namespace.patch(
            "pbacluster",
            "grows",
            {"op": "add", "path": "/spec/backend", "value": grown["backend"]},
            {"op": "add", "path": "/spec/management/servesTraffic", "value": False},
        )
        _wait_stage(namespace, "BackendCluster")
        # A connection that is open stays where it leads until its client has finished.
        wait_for("only backends to answer", lambda: _answering(load) <= _pods(namespace, "backend"))
        assert clients_address(namespace, "grows") == address
        _add(namespace, "/spec/management/servesTraffic", True)
        wait_for(
            "the management node to answer beside the backends",
            lambda: _answering(load) == _pods(namespace, "backend", "management"),
        )
        namespace.patch(
            "pbacluster",
            "grows",
            *({"op": "remove", "path": f"/spec/{part}"} for part in ("backend", "frontend")),
        )
        _wait_stage(namespace, "Standalone")
        wait_for("the last backend to end", lambda: not _pods(namespace, "backend"))
        wait_for("the management node to answer", lambda: _answering(load) == _pods(namespace, "management"))
    counts = load.tally.snapshot()
    assert counts.failed == 0, counts.by_failure
    books.close(address, 80, shopper)
