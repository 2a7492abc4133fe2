"""The peer of the frontends themselves: the same HAProxy in a Deployment, as one would set it up by hand.

It is rolled as well as its makers say: a pod that goes serves on until the machines know that it does, and then closes
each connection with the answer to its next request (`idle-close-on-response`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pba_api import ports
from pba_hack.bench.balancer.nodes.cluster import NAMESPACE, PLAIN, Peer
from pba_hack.bench.balancer.peers.haproxy import CLOSED_CONNECTIONS, configuration
from pba_hack.images.recipes import UID

Json = dict[str, Any]

NAME: Final = "proxy"
REPLICAS: Final = 2
LEAVE: Final = "sleep 5; kill -USR1 1; sleep 30"
"""Five seconds until nobody sends it new clients, and half a minute for those that it has."""
_LABELS: Final = {"app": NAME}


def manifests(images: Mapping[str, str]) -> list[Json]:
    """Return the Deployment, its configuration and its Service; images are references by name."""
    text = configuration(
        [f"{PLAIN}.{NAMESPACE}.svc:{ports.SERVICE_HTTP}"],
        server="",
        connections=f"{CLOSED_CONNECTIONS}\n    option idle-close-on-response",
    )
    exposed = [{"name": "http", "port": ports.SERVICE_HTTP, "targetPort": ports.FRONTEND_HTTP}]
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME},
            "data": {"haproxy.cfg": text},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME},
            "spec": {
                "replicas": REPLICAS,
                "selector": {"matchLabels": _LABELS},
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {"metadata": {"labels": _LABELS}, "spec": _pod(images["haproxy"])},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME},
            "spec": {"selector": _LABELS, "ports": exposed},
        },
    ]


def _pod(image: str) -> Json:
    container = {
        "name": "haproxy",
        "image": image,
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", LEAVE]}}},
        "readinessProbe": {"tcpSocket": {"port": ports.FRONTEND_HTTP}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/haproxy"},
            {"name": "run", "mountPath": "/run/haproxy"},
        ],
    }
    return {
        "containers": [container],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 45,
        "volumes": [
            {"name": "configuration", "configMap": {"name": NAME}},
            {"name": "run", "emptyDir": {}},
        ],
    }


PROXY: Final = Peer("HAProxy in a Deployment", NAME, manifests, NAME)
