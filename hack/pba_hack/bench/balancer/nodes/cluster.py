"""The PBACluster that is measured, and the plain Service beside it: manifests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pba_hack.bench.balancer.load import WELL
from pba_hack.cluster.local.addresses import HUB

Json = dict[str, Any]

NAME: Final = "bench"
NAMESPACE: Final = "bench"
PLAIN: Final = "plain"
"""The Service that leads straight to the backends, without a frontend."""
TALLY: Final = f"{HUB}:9099"
HOME: Final = "bench/home"
"""The label of the machines of all that is not to crash: database, management node, frontends."""
DRAIN_SECONDS: Final = 3
BACKENDS: Final = {"pba.dev/cluster": NAME, "pba.dev/component": "backend"}

_AT_HOME: Final[Json] = {"nodeSelector": {HOME: "here"}}


@dataclass(frozen=True)
class Peer:
    """Another way to the same backends.

    Attributes:
        name: for the record.
        service: that clients ask.
        manifests: of what it needs beside the plain Service.
        deployment: that must be ready; empty if there is none.
    """

    name: str
    service: str
    manifests: Callable[[Mapping[str, str]], Sequence[Json]] = lambda _images: ()
    deployment: str = ""


PLAIN_SERVICE: Final = Peer("plain Service", PLAIN)


@dataclass(frozen=True)
class Wanted:
    """What a case wants of the PBACluster.

    Attributes:
        backends: how many backends there are.
        affinity: whether a client stays on its node, as `frontend.sessionAffinity` has it.
        frontend: further fields of the frontend.
        peer: what else clients ask at the same time.
    """

    backends: int
    affinity: str = "None"
    frontend: Mapping[str, Any] = field(default_factory=dict)
    peer: Peer = PLAIN_SERVICE


def pbacluster(images: Mapping[str, str], wanted: Wanted) -> Json:
    """Return the PBACluster; images are references by name."""
    soon = {"periodSeconds": 1, "failureThreshold": 120}
    args = ["-tally", TALLY, "-delay-ms", f"{WELL['delay_ms']}", "-jitter-ms", f"{WELL['jitter_ms']}"]
    spec = {
        "deletionPolicy": "Delete",
        "application": {
            "image": images["loadlab"],
            "args": args,
            "terminationGracePeriodSeconds": 10,
            "probes": {"startup": {"path": "/healthz", **soon}, "readiness": {"periodSeconds": 1}},
        },
        "database": {
            "image": images["mysql"],
            "storage": {"size": "1Gi"},
            "config": {"innodb_buffer_pool_size": "64M"},
            "pod": _AT_HOME,
        },
        "management": {"servesTraffic": False, "pod": _AT_HOME},
        "backend": {
            "replicas": wanted.backends,
            "drainTimeoutSeconds": DRAIN_SECONDS,
            "pod": {"topologySpreadConstraints": [_evenly(BACKENDS)]},
        },
        "frontend": {
            "image": images["haproxy"],
            "replicas": 2,
            "sessionAffinity": {"type": wanted.affinity},
            "pod": {
                **_AT_HOME,
                "topologySpreadConstraints": [_evenly({**BACKENDS, "pba.dev/component": "frontend"})],
            },
            **wanted.frontend,
        },
        # The peers' clients come to the backends past the frontends, and these tell a tally outside.
        "network": {"policies": "Disabled"},
    }
    return {
        "apiVersion": "pba.dev/v1alpha1",
        "kind": "PBACluster",
        "metadata": {"name": NAME},
        "spec": spec,
    }


def plain_service() -> Json:
    """Return the Service to the same backends, as one has it who has no frontend."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": PLAIN},
        "spec": {"selector": BACKENDS, "ports": ports},
    }


def _evenly(labels: Mapping[str, str]) -> Json:
    """Return the constraint by which pods stand on all machines, as evenly as they can."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(labels)},
    }
