"""The parts of a PBACluster, and what keeps each from being ready.

What must stay true: a part is ready only if what runs is what the spec asks for; whatever is in the way is named with
its object and its remedy; `stalled` only on evidence of failure, never because time went by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pba_api import names
from pba_api.conditions import ConditionType
from pba_api.identity import (
    COMPONENT_BACKEND,
    COMPONENT_DATABASE,
    COMPONENT_FRONTEND,
    COMPONENT_MANAGEMENT,
    LABEL_COMPONENT,
)
from pba_operator.domain import application, database, deployments, frontend, pods, service
from pba_operator.domain.model import ChildId, Cluster, Failure, Manifest, Observed, Plan, Problem
from pba_operator.domain.ownership import is_leaving, is_ours
from pba_operator.domain.plan import conflicts
from pba_operator.domain.wording import being_deleted, sentence

_PART_OF_COMPONENT = {
    COMPONENT_DATABASE: ConditionType.DATABASE,
    COMPONENT_MANAGEMENT: ConditionType.MANAGEMENT,
    COMPONENT_BACKEND: ConditionType.BACKEND,
    COMPONENT_FRONTEND: ConditionType.FRONTEND,
}
_PART_OF_KIND = {"PersistentVolumeClaim": ConditionType.DATABASE, "Secret": ConditionType.DATABASE}
"""Of what does not exist yet and is no wanted manifest: generated Secrets, a kept volume."""


@dataclass(frozen=True)
class View:
    """What a report is made from: the state, what is wanted, and what was refused while acting on it."""

    cluster: Cluster
    observed: Observed
    wanted: tuple[Manifest, ...]
    pending: tuple[Manifest, ...]
    """Of `wanted`, what is not applied yet."""
    failures: tuple[Failure, ...]


def present(cluster: Cluster) -> tuple[ConditionType, ...]:
    """Return the parts that the spec asks for, those first on which others depend."""
    optional = (
        (ConditionType.BACKEND, cluster.spec.backend),
        (ConditionType.FRONTEND, cluster.spec.frontend),
    )
    return (
        ConditionType.DATABASE,
        ConditionType.MANAGEMENT,
        *(part for part, wanted in optional if wanted is not None),
    )


def _part_of(manifest: Manifest) -> ConditionType:
    component = manifest["metadata"].get("labels", {}).get(LABEL_COMPONENT, "")
    return _PART_OF_COMPONENT.get(component, ConditionType.MANAGEMENT)


def _taken_names(view: View) -> Iterator[Problem]:
    parts = {ChildId.of(manifest): _part_of(manifest) for manifest in view.wanted}
    for taken in conflicts(view.cluster, view.observed, list(view.wanted)):
        what = f'{taken.kind} "{taken.name}"'
        if is_leaving(view.cluster, view.observed.children[taken]):
            message = f"{what} of an earlier PBACluster of this name is still being deleted."
            yield Problem(parts[taken], "Terminating", message)
            continue
        message = (
            f"{what} exists and is not ours, so it was not touched: delete or rename it, "
            f"or give the PBACluster another name."
        )
        yield Problem(parts[taken], "NameConflict", message, stalled=True)


def refusal(failure: Failure) -> str:
    """Return what the API server had against an action, in words for the user."""
    what = f'{failure.target.kind} "{failure.target.name}"'
    return f"{what} could not be brought to the spec: {sentence(failure.message)}"


def _going(view: View) -> Iterator[Problem]:
    """Yield what somebody has deleted that does not go; the volume's end is another matter."""
    for manifest in view.wanted:
        live = view.observed.children.get(ChildId.of(manifest))
        if live is None or live["kind"] == "PersistentVolumeClaim" or not is_ours(view.cluster, live):
            continue
        if "deletionTimestamp" in live["metadata"]:
            yield Problem(_part_of(manifest), "Terminating", being_deleted(live))


def _part_of_target(view: View, target: ChildId) -> ConditionType:
    known = {**view.observed.children, **{ChildId.of(manifest): manifest for manifest in view.wanted}}
    manifest = known.get(target)
    if target.name == names.frontend_tickets(view.cluster.name):
        return ConditionType.FRONTEND
    if manifest is None:
        return _PART_OF_KIND.get(target.kind, ConditionType.MANAGEMENT)
    return _part_of(manifest)


def _refusals(view: View) -> Iterator[Problem]:
    for failure in view.failures:
        part = _part_of_target(view, failure.target)
        yield Problem(part, failure.reason, refusal(failure), stalled=True)


def _contests(view: View) -> Iterator[Problem]:
    """Yield what somebody keeps undoing; that it is right just now does not end it."""
    for target, opponent in sorted(view.observed.contested.items()):
        who = f'by "{opponent}" (a field manager; see --show-managed-fields)' if opponent else "by somebody"
        message = (
            f'{target.kind} "{target.name}" is changed back or deleted {who} each time that it is brought to the spec, '
            "so that is done ever less often: have whoever does it leave the object alone."
        )
        yield Problem(_part_of_target(view, target), "Contested", message, stalled=True)


def _deployment_problems(view: View, part: ConditionType, component: str, name: str) -> Iterator[Problem]:
    deployment = deployments.find(view.observed, name)
    if part in (ConditionType.MANAGEMENT, ConditionType.BACKEND) and not deployments.complete(deployment):
        yield from application.volume_problems(view.cluster.spec, view.observed, part)
    if deployment is None:
        waits = part in (ConditionType.MANAGEMENT, ConditionType.BACKEND) and not database.ready(
            view.cluster, view.observed
        )
        yield Problem(
            part=part,
            reason="WaitingForDatabase" if waits else "Creating",
            message=(
                f'Deployment "{name}" is made once the database is ready.'
                if waits
                else f'Deployment "{name}" does not exist yet.'
            ),
        )
        return
    yield from deployments.refusals(deployment, part)
    if deployments.complete(deployment):
        return
    found = [pods.diagnose(pod, part) for pod in pods.of_component(view.observed, component)]
    yield from (problem for problem in found if problem is not None)
    ready = deployments.count(deployment, "readyReplicas")
    updated = deployments.count(deployment, "updatedReplicas")
    yield Problem(
        part=part,
        reason="RollingOut",
        message=(
            f'Deployment "{name}": {ready} pods ready, {updated} of the newest template, '
            f"{deployment['spec'].get('replicas', 1)} wanted."
        ),
    )


def _no_backends(view: View) -> Iterator[Problem]:
    """Yield why frontends that start do not get ready while no node is asked for."""
    spec, frontend = (
        view.cluster.spec,
        deployments.find(view.observed, names.frontend(view.cluster.name)),
    )
    backend = spec.backend
    if spec.management.serves_traffic or backend is None or backend.replicas > 0 or backend.external:
        return
    if frontend is None or deployments.complete(frontend):
        return
    if view.cluster.spec.frontend is not None and view.cluster.spec.frontend.maintenance:
        return
    message = (
        f'The pods of Deployment "{frontend["metadata"]["name"]}" get ready, and answer, once a node can serve: raise '
        "backend.replicas, which is 0, or set management.servesTraffic to true."
    )
    yield Problem(ConditionType.FRONTEND, "NoBackends", message)


def _pending(view: View) -> Iterator[Problem]:
    paused = view.cluster.spec.paused
    for manifest in view.pending:
        target = ChildId.of(manifest)
        yield Problem(
            part=_part_of(manifest),
            reason="Paused" if paused else "Applying",
            message=(
                f'{target.kind} "{target.name}" differs from the spec; nothing is written while paused is true.'
                if paused
                else f'{target.kind} "{target.name}" is being brought to the spec.'
            ),
        )


def problems(
    cluster: Cluster, observed: Observed, failures: tuple[Failure, ...], plan: Plan
) -> list[Problem]:
    """Return all that is in the way, worst first within each part.

    Args:
        cluster: the PBACluster.
        observed: the live state after acting.
        failures: the actions that were refused.
        plan: what was planned for `cluster` and `observed`.
    """
    view = View(cluster, observed, plan.wanted, plan.pending, failures)
    name = cluster.name
    found = [
        *_taken_names(view),
        *_refusals(view),
        *_contests(view),
        *_going(view),
        *database.problems(cluster, observed),
        *application.config_problems(cluster, observed),
        *_deployment_problems(view, ConditionType.MANAGEMENT, COMPONENT_MANAGEMENT, names.management(name)),
    ]
    if cluster.spec.backend is not None:
        found.extend(
            _deployment_problems(view, ConditionType.BACKEND, COMPONENT_BACKEND, names.backend(name))
        )
    if cluster.spec.frontend is not None:
        found.extend(frontend.problems(cluster, observed))
        found.extend(_no_backends(view))
        found.extend(
            _deployment_problems(view, ConditionType.FRONTEND, COMPONENT_FRONTEND, names.frontend(name))
        )
    found.extend(service.problems(cluster, observed))
    found.extend(_pending(view))
    order = present(cluster)
    # The Service is the frontend's; where there is none, it is the management node's.
    told = [
        problem if problem.part in order else replace(problem, part=ConditionType.MANAGEMENT)
        for problem in found
    ]
    return sorted(told, key=lambda problem: (order.index(problem.part), not problem.stalled))
