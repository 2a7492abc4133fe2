"""What may go wrong with a backend, as its pod and its Deployment show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pba_operator.domain.model import Manifest
from pba_simulation.belief import World

BACKEND: Final = "shop-backend-7d4b9c-x2x9z"


def lacking(world: World) -> Manifest:
    """Take one backend away and return its pod, for something to be wrong with it."""
    world.deployment("shop-backend")["status"] |= {"availableReplicas": 1, "readyReplicas": 1}
    return world.put_pod(BACKEND, "backend", ready=False)


def container(world: World, **status: Any) -> None:
    lacking(world)["status"]["containerStatuses"] = [status_of("application", "app:1", **status)]


def status_of(name: str, image: str, **status: Any) -> Manifest:
    """Return what the kubelet says of a container; it is not ready unless `status` says so."""
    return {"name": name, "image": image, "ready": False, "started": False, "restartCount": 0} | status


def waiting(reason: str, message: str = "") -> Callable[[World], None]:
    return lambda world: container(world, state={"waiting": {"reason": reason, "message": message}})


def crashed(*, restarts: int = 5, **ending: Any) -> Callable[[World], None]:
    return lambda world: container(
        world,
        restartCount=restarts,
        state={"running": {}},
        lastState={"terminated": {"exitCode": 1} | ending},
    )


def unscheduled(pod: Manifest, words: str) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    pod["status"] = {"phase": "Pending", "conditions": [condition]}


def no_machine(world: World) -> None:
    unscheduled(lacking(world), "0/2 nodes are available: 2 Insufficient memory.")


def gated(world: World) -> None:
    pod = lacking(world)
    unscheduled(pod, "")
    pod["status"]["conditions"][0]["reason"] = "SchedulingGated"


def failed(world: World) -> None:
    lacking(world)["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on memory.",
    }


def silent(world: World) -> None:
    container(world, started=True, state={"running": {}})


def cut_off(world: World) -> None:
    container(world, started=True, ready=True, state={"running": {}})


def quota(world: World) -> None:
    world.deployment("shop-backend")["status"] |= {
        "replicas": 0,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "Enough", "message": "fine"},
            {"type": "Progressing", "status": "True"},
            {"type": "ReplicaFailure", "status": "False", "reason": "Over", "message": "was so once"},
            {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": "exceeded quota",
            },
        ],
    }
