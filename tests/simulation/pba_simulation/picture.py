"""What a cluster looks like, without what differs from run to run: two ways to one state give one picture."""

from __future__ import annotations

import copy
from typing import Any

from pba_simulation.apiserver import SimulatedApi

Object = dict[str, Any]
_VOLATILE = ("uid", "resourceVersion", "generation", "creationTimestamp")


def picture(api: SimulatedApi) -> dict[str, Object]:
    """Return all objects but Events, by kind and name."""
    names = {live["metadata"]["uid"]: address.name for address, live in api.objects.items()}
    return {
        f"{address.kind}/{address.name}": _plain(live, names)
        for address, live in sorted(api.objects.items())
        if address.kind != "Event"
    }


def _plain(live: Object, names: dict[str, str]) -> Object:
    plain = copy.deepcopy(live)
    for field in _VOLATILE:
        plain["metadata"].pop(field, None)
    for owner in plain["metadata"].get("ownerReferences", ()):
        owner["uid"] = names.get(owner["uid"], "nobody")
    status = plain.get("status", {})
    status.pop("observedGeneration", None)
    for condition in status.get("conditions", ()):
        condition.pop("lastTransitionTime", None)
        condition.pop("observedGeneration", None)
    return plain
