"""How the nodes of a cluster of kind are, from what Kubernetes and Docker say together.

Kubernetes alone is late: a node whose container is stopped stays Ready until the node controller gives it up, most of a
minute later, and one that is started again by then never ceases to be. So a node counts as Ready if its container runs,
and its kubelet has said so since that was started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pba_hack.cluster.provider import NodeStatus
from pba_hack.conditions import condition

__all__ = ["FORMAT", "statuses"]

FORMAT = "{{.Name}} {{.State.Running}} {{.State.StartedAt}}"
"""What `docker inspect` is to say of each container."""


def statuses(items: Sequence[Mapping[str, Any]], containers: str) -> tuple[NodeStatus, ...]:
    """Return how the nodes are.

    Args:
        items: the Node objects; kind names a node as its container.
        containers: the answer of `docker inspect` in `FORMAT`, a line for each container.
    """
    started: dict[str, datetime] = {}
    for line in containers.splitlines():
        name, running, moment = line.split()
        if running == "true":
            started[name.removeprefix("/")] = datetime.fromisoformat(moment)
    return tuple(_status(item, started.get(item["metadata"]["name"])) for item in items)


def _status(item: Mapping[str, Any], started: datetime | None) -> NodeStatus:
    addresses = {address["type"]: address["address"] for address in item["status"]["addresses"]}
    ready = started is not None and _is_ready_since(item, started)
    return NodeStatus(item["metadata"]["name"], addresses.get("InternalIP", ""), ready, None, None)


def _is_ready_since(item: Mapping[str, Any], started: datetime) -> bool:
    ready = condition(item, "Ready")
    if ready is None or ready["status"] != "True":
        return False
    # Kubernetes cuts its times to whole seconds.
    return datetime.fromisoformat(ready["lastHeartbeatTime"]) >= started.replace(microsecond=0)
