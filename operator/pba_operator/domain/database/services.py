"""The Services of the database: the members by name, and the one address of the primary.

The headless one publishes members that are not ready, too: they have to find each other in order to get ready.
`NAME-mysql-primary` is what applications are given; while there is one member, that is the primary.
"""

from __future__ import annotations

from pba_api import names, ports
from pba_api.identity import COMPONENT_DATABASE, selector
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata

PORT_NAME = "mysql"


def headless(cluster: Cluster) -> Manifest:
    """Return the Service that gives each member its DNS name."""
    service = _service(cluster, names.database(cluster.name))
    service["spec"] |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return service


def primary(cluster: Cluster) -> Manifest:
    """Return the Service that leads to the primary while it is ready."""
    return _service(cluster, names.database_primary(cluster.name))


def _service(cluster: Cluster, name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(cluster, name, COMPONENT_DATABASE),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(cluster.name, COMPONENT_DATABASE),
            "ports": [
                {"name": PORT_NAME, "port": ports.MYSQL, "targetPort": PORT_NAME, "protocol": "TCP"},
            ],
        },
    }
