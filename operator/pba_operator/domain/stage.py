"""The stage of growth, for printing only: from what runs, first match. No code branches on it."""

from __future__ import annotations

from pba_api import names
from pba_operator.domain import deployments
from pba_operator.domain.model import Cluster, Observed


def stage(cluster: Cluster, observed: Observed) -> str:
    """Return the stage that the manual would call this."""
    if deployments.serves(observed, names.frontend(cluster.name)) and deployments.serves(
        observed, names.backend(cluster.name)
    ):
        return "BackendCluster"
    return "Standalone"
