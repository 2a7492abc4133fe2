"""The status of a PBACluster: what runs, what does not and why.

What must stay true: nothing in it changes with load or with time alone, and no list in it grows with the cluster.
"""

from __future__ import annotations

from pba_api import names
from pba_api.conditions import ConditionType
from pba_api.identity import COMPONENT_BACKEND, COMPONENT_MANAGEMENT, selector
from pba_api.types.status import MAX_ADDRESSES, MAX_NOT_READY
from pba_operator.domain import conditions, database, deletion, deployments, parts, pods, service
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.model import Cluster, Failure, Manifest, Observed, Plan
from pba_operator.domain.ownership import is_ours
from pba_operator.domain.stage import stage
from pba_operator.domain.wording import sentence


def _service(cluster: Cluster, observed: Observed) -> Manifest:
    live = service.find(cluster, observed)
    if live is None or not is_ours(cluster, live):
        return {}
    return {
        "service": {"name": names.service(cluster.name), "addresses": service.addresses(live)[:MAX_ADDRESSES]}
    }


def _management(observed: Observed) -> Manifest:
    running = sorted(pods.of_component(observed, COMPONENT_MANAGEMENT), key=pods.is_ready, reverse=True)
    if not running:
        return {}
    pod = running[0]
    return {
        "management": {
            "podName": pod["metadata"]["name"],
            "nodeName": pod.get("spec", {}).get("nodeName", ""),
        },
    }


def _not_ready(observed: Observed) -> list[Manifest]:
    entries = []
    for pod in pods.of_component(observed, COMPONENT_BACKEND):
        if pods.is_ready(pod):
            continue
        problem = pods.diagnose(pod, ConditionType.BACKEND)
        entries.append(
            {
                "name": pod["metadata"]["name"],
                "nodeName": pod.get("spec", {}).get("nodeName", ""),
                "reason": problem.reason if problem else "NotReady",
            }
        )
    return entries[:MAX_NOT_READY]


def _backend(cluster: Cluster, observed: Observed) -> Manifest:
    if cluster.spec.backend is None:
        return {}
    live = deployments.find(observed, names.backend(cluster.name))
    labels = selector(cluster.name, COMPONENT_BACKEND)
    return {
        "backend": {
            "replicas": deployments.count(live, "replicas"),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
            "readyReplicas": deployments.count(live, "readyReplicas"),
            "updatedReplicas": deployments.count(live, "updatedReplicas"),
            "notReady": _not_ready(observed),
        }
    }


def _frontend(cluster: Cluster, observed: Observed) -> Manifest:
    if cluster.spec.frontend is None:
        return {}
    live = deployments.find(observed, names.frontend(cluster.name))
    return {
        "frontend": {
            "replicas": deployments.count(live, "replicas"),
            "readyReplicas": deployments.count(live, "readyReplicas"),
        }
    }


def _invalid(cluster: Invalid) -> Manifest:
    text = f"The spec cannot be read: {sentence(cluster.problem)} Nothing is changed until it is corrected."
    return {
        **cluster.status,
        "observedGeneration": cluster.generation,
        "conditions": [
            conditions.condition(ConditionType.READY, "InvalidSpec", text, cluster.generation, true=False),
            conditions.condition(ConditionType.STALLED, "InvalidSpec", text, cluster.generation, true=True),
        ],
    }


def _deleting(cluster: Cluster | Invalid, observed: Observed, failures: tuple[Failure, ...]) -> Manifest:
    """Return the status of a PBACluster on its way out: what is left, not what would be missing if it stayed."""
    text = f"The PBACluster is being deleted: {deletion.waits_for(cluster, observed)}."
    found = [conditions.condition(ConditionType.READY, "Deleting", text, cluster.generation, true=False)]
    if failures:
        refused = parts.refusal(failures[0])
        found.append(
            conditions.condition(
                ConditionType.STALLED, failures[0].reason, refused, cluster.generation, true=True
            )
        )
    else:
        found.append(
            conditions.condition(ConditionType.RECONCILING, "Deleting", text, cluster.generation, true=True)
        )
    return {**cluster.status, "observedGeneration": cluster.generation, "conditions": found}


def report(
    cluster: Cluster | Invalid, observed: Observed, failures: tuple[Failure, ...], plan: Plan
) -> Manifest:
    """Return the status, its conditions without times.

    Args:
        cluster: the PBACluster.
        observed: the live state after acting.
        failures: the actions that were refused.
        plan: what was planned for `cluster` and `observed`.
    """
    if cluster.deleting:
        return _deleting(cluster, observed, failures)
    if isinstance(cluster, Invalid):
        return _invalid(cluster)
    found = parts.problems(cluster, observed, failures, plan)
    return {
        "observedGeneration": cluster.generation,
        "stage": stage(cluster, observed),
        "conditions": conditions.assemble(cluster, parts.present(cluster), found),
        **_service(cluster, observed),
        **_management(observed),
        "database": database.status(cluster, observed),
        **_backend(cluster, observed),
        **_frontend(cluster, observed),
    }
