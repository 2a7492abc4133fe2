"""The nodes' selector Services: Kubernetes writes the EndpointSlices that the sidecar follows.

What must stay true: they are headless (nobody sends requests through them), and nodes that are not ready are not told
as ready. The port's name is what the sidecar looks for; the port's number is each pod's own. The sidecar follows both
names all the time, so the management node enters and leaves the rotation by its Service alone: nothing changes in the
frontends' pods.
"""

from __future__ import annotations

from pba_api import names, ports
from pba_api.identity import COMPONENT_BACKEND, COMPONENT_MANAGEMENT, selector
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata


def followed(cluster: str) -> tuple[str, ...]:
    """Return the names of all Services whose EndpointSlices the sidecar follows, whether they are there or not."""
    return (names.backend(cluster), names.management(cluster))


def manifests(cluster: Cluster) -> list[Manifest]:
    """Return the Services of the nodes that get clients' requests through a frontend."""
    wanted = []
    if cluster.spec.backend is not None:
        wanted.append(_service(cluster, names.backend(cluster.name), COMPONENT_BACKEND))
    if cluster.spec.management.serves_traffic:
        wanted.append(_service(cluster, names.management(cluster.name), COMPONENT_MANAGEMENT))
    return wanted


def _service(cluster: Cluster, name: str, component: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(cluster, name, component),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": selector(cluster.name, component),
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
