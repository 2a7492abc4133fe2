"""PodDisruptionBudgets: one pod at a time, where more than one runs.

None where a single pod runs: it would block drains for ever.
"""

from __future__ import annotations

from pba_api import names
from pba_api.identity import COMPONENT_BACKEND, COMPONENT_FRONTEND, selector
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata


def _budget(cluster: Cluster, name: str, component: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(cluster, name, component),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector(cluster.name, component)},
        },
    }


def manifests(cluster: Cluster) -> list[Manifest]:
    """Return the budgets that the numbers of pods ask for."""
    spec = cluster.spec
    budgets = []
    if spec.backend is not None and spec.backend.replicas > 1:
        budgets.append(_budget(cluster, names.backend(cluster.name), COMPONENT_BACKEND))
    if spec.frontend is not None and spec.frontend.replicas > 1:
        budgets.append(_budget(cluster, names.frontend(cluster.name), COMPONENT_FRONTEND))
    return budgets
