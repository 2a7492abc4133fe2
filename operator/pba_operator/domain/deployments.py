"""Reading a Deployment's state: does it serve, is its roll-out done, what does its controller complain of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pba_api.conditions import ConditionType
from pba_operator.domain.model import ChildId, Manifest, Observed, Problem
from pba_operator.domain.wording import sentence


def find(observed: Observed, name: str) -> Manifest | None:
    """Return the live Deployment `name`."""
    return observed.children.get(ChildId("Deployment", name))


def _status(deployment: Manifest) -> dict[str, Any]:
    status = deployment.get("status")
    return status if isinstance(status, dict) else {}


def count(deployment: Manifest | None, field: str) -> int:
    """Return a number of the Deployment's status (`replicas`, `readyReplicas`, ...); 0 where it is absent."""
    return int(_status(deployment).get(field) or 0) if deployment else 0


def serves(observed: Observed, name: str) -> bool:
    """Tell whether at least one pod of the Deployment is ready."""
    return count(find(observed, name), "readyReplicas") > 0


def complete(deployment: Manifest | None) -> bool:
    """Tell whether exactly the wanted pods run, all of them of the newest template, all available."""
    if deployment is None:
        return False
    if count(deployment, "observedGeneration") < int(deployment["metadata"].get("generation", 0)):
        return False
    wanted = int(deployment["spec"].get("replicas", 1))
    numbers = {count(deployment, field) for field in ("replicas", "updatedReplicas", "availableReplicas")}
    return numbers == {wanted}


def refusals(deployment: Manifest, part: ConditionType) -> Iterator[Problem]:
    """Yield what keeps the controller from making pods: a quota, Pod Security, a missing ServiceAccount."""
    for condition in _status(deployment).get("conditions", ()):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            name = deployment["metadata"]["name"]
            yield Problem(
                part=part,
                reason=condition.get("reason", "ReplicaFailure"),
                message=(
                    f'Pods of Deployment "{name}" cannot be made: {sentence(condition.get("message", ""))} '
                    f"Remove what forbids them (a quota, a policy of the namespace), or change the spec."
                ),
                stalled=True,
            )
