"""The planner: from the spec and what is observed to the actions that bring them together.

What must stay true: it is pure; planning what was applied gives nothing; what is not ours is never touched; the
application never starts against a database that is not there; nothing that holds data is deleted here.
"""

from __future__ import annotations

from pba_api.conditions import ConditionType
from pba_api.types import PBAClusterSpec
from pba_operator.domain import (
    application,
    budgets,
    database,
    deletion,
    deployments,
    drift,
    frontend,
    obsolete,
    service,
)
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.frontend import SyncImage
from pba_operator.domain.model import Action, Apply, ChildId, Cluster, Generate, Manifest, Observed, Plan
from pba_operator.domain.network import moments, policies
from pba_operator.domain.network.policies import OperatorPods
from pba_operator.domain.ownership import is_ours

LOOK_AGAIN_SECONDS = 15.0
"""How soon to look again at what no watch tells: a user's Secret that is missing, a name that is taken, Events."""
REFERENCES_SECONDS = 60.0
"""How soon to look again at the user's objects that are as they should be: a password that is changed is taken up."""


def references(spec: PBAClusterSpec) -> tuple[ChildId, ...]:
    """Return the user's Secrets and ConfigMaps that a plan needs to see."""
    return (
        *database.references(spec),
        *application.template_references(spec),
        *application.volume_references(spec),
        *frontend.references(spec),
    )


def evidence(cluster: Cluster, observed: Observed) -> Manifest | None:
    """Return the live object whose Events tell why it does not do what it should; None if none is needed."""
    return database.without_pod(cluster, observed)


def _application(cluster: Cluster, observed: Observed) -> list[Manifest]:
    """Return the application's Deployments, with what they read at start.

    A node that does not run yet waits for the database; one that runs is kept up to date whatever the database does.
    """
    connection = database.environment(cluster, observed)
    if connection is None or application.config_problems(cluster, observed):
        return []
    config = application.config_secret(cluster, observed, connection)
    nodes = [application.management(cluster, connection, config)]
    if cluster.spec.backend is not None:
        nodes.append(application.backend(cluster, cluster.spec.backend, connection, config))
    if not database.ready(cluster, observed):
        nodes = [node for node in nodes if deployments.find(observed, node["metadata"]["name"])]
    return [*([config] if config and nodes else []), *nodes]


def _ways(cluster: Cluster, observed: Observed, operator: OperatorPods | None) -> list[Manifest]:
    """Return what lets clients in, and what leads them."""
    return [*policies.manifests(cluster, observed, operator), service.manifest(cluster, observed)]


def _desired(
    cluster: Cluster, observed: Observed, sync_image: SyncImage, operator: OperatorPods | None
) -> list[Manifest]:
    """Return `Plan.wanted`: the policies first, so that no pod that is made runs without."""
    *manifests, leads = _ways(cluster, observed, operator)
    manifests += [] if database.blocked(cluster, observed) else database.manifests(cluster, observed)
    manifests.extend(_application(cluster, observed))
    if cluster.spec.frontend is not None:
        manifests.extend(frontend.manifests(cluster, observed, sync_image))
    manifests.extend(budgets.manifests(cluster))
    manifests.append(leads)
    return manifests


def conflicts(cluster: Cluster, observed: Observed, wanted: list[Manifest]) -> list[ChildId]:
    """Return the names that we need and that somebody else's objects bear."""
    taken = []
    for manifest in wanted:
        live = observed.children.get(ChildId.of(manifest))
        if live is not None and not is_ours(cluster, live):
            taken.append(ChildId.of(manifest))
    return taken


def _outdated(cluster: Cluster, observed: Observed, wanted: list[Manifest]) -> list[Manifest]:
    """Return `Plan.pending`."""
    taken = set(conflicts(cluster, observed, wanted))
    stamped = [drift.stamp(manifest) for manifest in wanted if ChildId.of(manifest) not in taken]
    return [
        manifest
        for manifest in stamped
        if drift.differs(observed.children.get(ChildId.of(manifest)), manifest)
    ]


def waits_for_references(cluster: Cluster, observed: Observed) -> bool:
    """Tell whether something that the user must provide is not there, or not as it must be."""
    missing = any(observed.references.get(reference) is None for reference in references(cluster.spec))
    return (
        missing
        or database.lacks_password(cluster, observed)
        or bool(application.config_problems(cluster, observed))
        or bool(application.volume_problems(cluster.spec, observed, ConditionType.MANAGEMENT))
        or bool(frontend.problems(cluster, observed))
    )


def _look_again(cluster: Cluster, observed: Observed, wanted: list[Manifest]) -> float | None:
    """Return after how many seconds to look at what no watch tells; None if there is no such thing."""
    waits = waits_for_references(cluster, observed) or evidence(cluster, observed) is not None
    if waits or conflicts(cluster, observed, wanted) or database.foreigners(cluster, observed):
        return LOOK_AGAIN_SECONDS
    return None


def _by_time(cluster: Cluster, observed: Observed, operator: OperatorPods | None) -> float | None:
    """Return in how many seconds a way opens or closes by time alone; None if none does."""
    for seconds, then in moments.later(observed):
        if _ways(cluster, then, operator) != _ways(cluster, observed, operator):
            return seconds
    return None


def plan(
    cluster: Cluster | Invalid,
    observed: Observed,
    sync_image: SyncImage,
    operator: OperatorPods | None = None,
) -> Plan:
    """Return the actions that are due now, in their order.

    Args:
        cluster: the PBACluster, or what could be read of one whose spec is broken.
        observed: the live state.
        sync_image: the sidecar's image, from the operator's own configuration.
        operator: the operator's own pods, from there, too; None: no labels tell of it.
    """
    if cluster.deleting:
        return deletion.plan_deletion(cluster, observed)
    if isinstance(cluster, Invalid):
        return Plan()
    wanted = _desired(cluster, observed, sync_image, operator)
    pending = _outdated(cluster, observed, wanted)
    if cluster.spec.paused:
        return Plan(wanted=tuple(wanted), pending=tuple(pending))
    steps = [*database.actions(cluster, observed), *frontend.actions(cluster, observed)]
    actions: list[Action] = [*deletion.finalizer(cluster)]
    actions.extend(step for step in steps if isinstance(step, Generate))
    actions.extend(Apply(manifest) for manifest in pending)
    actions.extend(step for step in steps if not isinstance(step, Generate))
    actions.extend(obsolete.deletions(cluster, observed))
    waits = (_look_again(cluster, observed, wanted), _by_time(cluster, observed, operator))
    return Plan(
        tuple(actions),
        requeue_after=min((seconds for seconds in waits if seconds is not None), default=None),
        references_after=REFERENCES_SECONDS if references(cluster.spec) else None,
        wanted=tuple(wanted),
        pending=tuple(pending),
    )
