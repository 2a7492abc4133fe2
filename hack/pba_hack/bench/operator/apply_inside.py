"""The half of `apply-ratio` that runs in the cluster's network: apply, wait, remove, one way and the other in turns."""

from __future__ import annotations

import dataclasses
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pba_api.identity import LABEL_CLUSTER
from pba_hack.bench.operator.by_hand import KINDS, by_hand
from pba_hack.bench.rounds import side_by_side
from pba_hack.demo.sample import NAME, sample
from pba_hack.helm import install_operator
from pba_hack.kubectl import Kubectl, restricted_namespace, wait_for

Json = dict[str, Any]

NAMESPACE: Final = "bench-apply"
_READY: Final = "--timeout=300s"
_EMPTY_SECONDS: Final = 300.0
_REMOVED: Final = ",".join((*KINDS, "persistentvolumeclaim", "pod"))


class Contest:
    """The operator's way and the hand's, in one namespace, one after another."""

    def __init__(self, kubectl: Kubectl, images: dict[str, str]) -> None:
        """Let the operator make everything once: what the hand applies is what came of it."""
        self._kubectl = kubectl
        self._cluster = sample(kubectl, images)
        self._cluster["spec"]["deletionPolicy"] = "Delete"
        # What is measured is the way up; the way down is between two measurements.
        self._cluster["spec"]["backend"]["drainTimeoutSeconds"] = 1
        self._cluster["spec"]["application"]["terminationGracePeriodSeconds"] = 5
        self._empty()
        self._apply([self._cluster])
        self._kubectl("wait", "--for=condition=Ready", f"pbacluster/{NAME}", _READY)
        children = kubectl.items(",".join(KINDS), f"{LABEL_CLUSTER}={NAME}")
        schema = kubectl("get", "pbacluster", NAME, "-o", "jsonpath={.spec.database.name}")
        self._objects = by_hand(children, NAME, schema)
        self._remove_cluster()

    def operators(self) -> float:
        """Return how many seconds the operator needs from `kubectl apply` to Ready."""
        began = time.monotonic()
        self._apply([self._cluster])
        self._kubectl("wait", "--for=condition=Ready", f"pbacluster/{NAME}", _READY)
        took = time.monotonic() - began
        self._remove_cluster()
        return took

    def hands(self) -> float:
        """Return how many seconds the same objects need, all applied at once, until every pod is ready."""
        began = time.monotonic()
        self._apply(self._objects)
        for made in self._objects:
            if made["kind"] in ("StatefulSet", "Deployment"):
                ready = f"--for=jsonpath={{.status.readyReplicas}}={made['spec']['replicas']}"
                self._kubectl("wait", ready, f"{made['kind'].lower()}/{made['metadata']['name']}", _READY)
        took = time.monotonic() - began
        self._kubectl("delete", "-f", "-", "--wait=false", stdin=_list(self._objects))
        self._kubectl("delete", "persistentvolumeclaim", "--all", "--wait=false")
        self._empty()
        return took

    def _apply(self, manifests: Sequence[Json]) -> None:
        self._kubectl("apply", "--server-side", "-f", "-", stdin=_list(manifests))

    def _remove_cluster(self) -> None:
        self._kubectl("delete", "pbacluster", NAME)
        self._empty()

    def _empty(self) -> None:
        """Wait until nothing of either way is left; the namespace's own objects stay."""

        def left() -> list[str]:
            found = self._kubectl.items(_REMOVED)
            return [one["metadata"]["name"] for one in found if one["metadata"]["name"].startswith(NAME)]

        wait_for("the namespace to be empty", lambda: not left(), _EMPTY_SECONDS)


def _list(manifests: Sequence[Json]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


def main(argv: Sequence[str]) -> None:
    """Measure; write the rounds as JSON.

    Args:
        argv: the images' references as JSON, how many rounds, the seed, the file to write.
    """
    images, rounds, seed, found = json.loads(argv[0]), int(argv[1]), int(argv[2]), Path(argv[3])
    install_operator(images)
    contest = Contest(restricted_namespace(NAMESPACE), images)
    samples = side_by_side(
        contest.operators,
        contest.hands,
        rounds=rounds,
        dice=random.Random(seed),  # noqa: S311 - an order, no secret
        told=lambda text: print(text, flush=True),
    )
    found.write_text(json.dumps([dataclasses.asdict(one) for one in samples.rounds]))


if __name__ == "__main__":
    main(sys.argv[1:])
