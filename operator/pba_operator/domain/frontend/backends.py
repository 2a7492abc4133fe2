"""The backend nodes' selector Service: Kubernetes writes the EndpointSlices that the sidecar follows.

What must stay true: it is headless (nobody sends requests through it), and nodes that are not ready are not told as
ready. The port's name is what the sidecar looks for; the port's number is each pod's own.
"""

from __future__ import annotations

from pba_api import names, ports
from pba_api.identity import COMPONENT_BACKEND, selector
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata


def service(cluster: Cluster) -> Manifest:
    """Return the Service `NAME-backend`."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(cluster, names.backend(cluster.name), COMPONENT_BACKEND),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": selector(cluster.name, COMPONENT_BACKEND),
            "publishNotReadyAddresses": False,
            "ports": [
                {
                    "name": ports.HTTP_NAME,
                    "port": cluster.spec.application.port,
                    "targetPort": ports.HTTP_NAME,
                    "protocol": "TCP",
                },
            ],
        },
    }
