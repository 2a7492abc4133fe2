"""Children that the spec no longer asks for, and the order in which they go without a lost request.

What must stay true: nothing goes while clients may still be led to it. First the Service leads elsewhere, then the
frontends go (and finish what they carry, for which they need the nodes), then the backends. Where the frontends stay,
nodes leave the rotation only once others are in it. Whatever kind of child
an optional part comes to make goes here, too: a test settles a whole PBACluster, takes every part out, and compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from pba_api import names
from pba_api.identity import COMPONENT_FRONTEND, LABEL_COMPONENT
from pba_operator.domain import budgets, deployments, service
from pba_operator.domain.frontend.tls_pod import TICKETS_VOLUME
from pba_operator.domain.model import ChildId, Cluster, Delete, Observed
from pba_operator.domain.network import policies
from pba_operator.domain.ownership import is_ours

_FRONTEND_KINDS = ("Deployment", "ConfigMap", "RoleBinding", "Role", "ServiceAccount")


def _delete(cluster: Cluster, observed: Observed, target: ChildId) -> Iterator[Delete]:
    live = observed.children.get(target)
    if live is not None and is_ours(cluster, live) and "deletionTimestamp" not in live["metadata"]:
        yield Delete(target, live["metadata"]["uid"])


def _frontend_pods_left(observed: Observed) -> bool:
    pods = observed.of_kind("Pod")
    return any(pod["metadata"].get("labels", {}).get(LABEL_COMPONENT) == COMPONENT_FRONTEND for pod in pods)


def _frontends(cluster: Cluster, observed: Observed) -> Iterator[Delete]:
    if service.current_component(cluster, observed) == COMPONENT_FRONTEND:
        return
    for kind in _FRONTEND_KINDS:
        yield from _delete(cluster, observed, ChildId(kind, names.frontend(cluster.name)))
    if not _frontend_pods_left(observed):
        yield from _delete(cluster, observed, ChildId("ConfigMap", names.nodes(cluster.name)))


def _management_serves(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether frontends can lead to the management node."""
    name = names.management(cluster.name)
    return ChildId("Service", name) in observed.children and deployments.serves(observed, name)


def _backends(cluster: Cluster, observed: Observed) -> Iterator[Delete]:
    if _frontend_pods_left(observed) and not (
        cluster.spec.frontend is not None and _management_serves(cluster, observed)
    ):
        return
    for kind in ("Deployment", "Service"):
        yield from _delete(cluster, observed, ChildId(kind, names.backend(cluster.name)))


def _others_serve(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether frontends have other nodes than the management node; how those outside are, nobody here knows."""
    backend = cluster.spec.backend
    outside_alone = backend is not None and backend.replicas == 0 and bool(backend.external)
    return outside_alone or deployments.serves(observed, names.backend(cluster.name))


def _management(cluster: Cluster, observed: Observed) -> Iterator[Delete]:
    """Yield the Service by which frontends lead to the management node; its Deployment is always there."""
    if cluster.spec.frontend is None:
        others_serve = not _frontend_pods_left(observed)
    else:
        others_serve = _others_serve(cluster, observed)
    if others_serve:
        yield from _delete(cluster, observed, ChildId("Service", names.management(cluster.name)))


def _tickets_are_over(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether nobody asks for TLS, and no pod that mounts the seed of its tickets can be made any more."""
    if cluster.spec.frontend is not None and cluster.spec.frontend.tls is not None:
        return False
    live = deployments.find(observed, names.frontend(cluster.name))
    if live is None:
        return not _frontend_pods_left(observed)
    volumes = live["spec"].get("template", {}).get("spec", {}).get("volumes", [])
    return deployments.complete(live) and TICKETS_VOLUME not in [volume["name"] for volume in volumes]


def deletions(cluster: Cluster, observed: Observed) -> list[Delete]:
    """Return the deletions that may happen now."""
    found: list[Delete] = [*policies.deletions(cluster, observed)]
    wanted_budgets = {manifest["metadata"]["name"] for manifest in budgets.manifests(cluster)}
    for name in (names.backend(cluster.name), names.frontend(cluster.name)):
        if name not in wanted_budgets:
            found.extend(_delete(cluster, observed, ChildId("PodDisruptionBudget", name)))
    if not cluster.spec.application.config_files:
        found.extend(_delete(cluster, observed, ChildId("Secret", names.application_config(cluster.name))))
    if _tickets_are_over(cluster, observed):
        found.extend(_delete(cluster, observed, ChildId("Secret", names.frontend_tickets(cluster.name))))
    if cluster.spec.frontend is None:
        found.extend(_frontends(cluster, observed))
    if cluster.spec.backend is None:
        found.extend(_backends(cluster, observed))
    if cluster.spec.frontend is None or not cluster.spec.management.serves_traffic:
        found.extend(_management(cluster, observed))
    return found
