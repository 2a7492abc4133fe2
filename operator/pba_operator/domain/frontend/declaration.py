"""What no EndpointSlice tells of the nodes, declared to the sidecars: the ConfigMap `NAME-nodes`.

What must stay true: the sidecar watches it, so that a change of it acts within moments, rolls no frontend and reloads
no HAProxy, and what it says holds with the operator down.
"""

from __future__ import annotations

import json

from pba_api import names, sidecar
from pba_api.identity import COMPONENT_FRONTEND
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata


def config_map(cluster: Cluster) -> Manifest:
    """Return the ConfigMap `NAME-nodes`."""
    backend = cluster.spec.backend
    external = [] if backend is None else sorted(backend.external, key=lambda node: node.name)
    drained = [] if backend is None else sorted(backend.drained_nodes)
    content = {
        sidecar.NODES_EXTERNAL: [
            {"name": node.name, "host": node.host, "port": node.port} for node in external
        ],
        sidecar.NODES_DRAINED: drained,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, names.nodes(cluster.name), COMPONENT_FRONTEND),
        "data": {sidecar.NODES_KEY: json.dumps(content, indent=2) + "\n"},
    }
