"""What the real planner makes of a spec, all of it in one plan.

It is asked of a world in which the database's Secrets exist and the application already runs, but differs from
every spec: so one plan holds every manifest, and plans of two specs can be laid beside each other.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from pba_lab.tls import Authority
from pba_simulation.belief import SYNC_IMAGE, UID, World, reported

from pba_mutation.examples import BASE
from pba_operator.domain import frontend
from pba_operator.domain.cluster import Invalid, read
from pba_operator.domain.frontend import references as error_pages
from pba_operator.domain.model import Action, Apply, ChildId, Cluster, Failure, Manifest, Observed
from pba_operator.domain.plan import plan, references

NAMESPACE: Final = "default"
NAME: Final = "shop"
PASSWORD: Final = "s3cret"
STUB: Final = {"spec": {"replicas": 1}}

Children = Mapping[ChildId, Manifest]


@dataclass(frozen=True)
class Planned:
    """What is to be done for a spec."""

    children: Children
    others: tuple[Action, ...]
    """What is no apply of a child: the finalizer, say."""
    cluster: Cluster = field(compare=False)
    """What was planned for."""


def page(name: str) -> str:
    """Return the page that the user's ConfigMap of this name holds."""
    return f"<h1>{name}</h1>"


def stored(spec: Mapping[str, Any]) -> Manifest:
    """Return a PBACluster as the API server gives it."""
    metadata = {"name": NAME, "namespace": NAMESPACE, "uid": UID, "generation": 1}
    return {"apiVersion": "pba.dev/v1alpha1", "kind": "PBACluster", "metadata": metadata, "spec": spec}


def planned(spec: Mapping[str, Any]) -> Planned:
    """Return what the planner makes of a spec that it can read."""
    cluster = read(stored(spec))
    assert isinstance(cluster, Cluster), cluster.problem
    actions = plan(cluster, observed(cluster), SYNC_IMAGE).actions
    applied = {_child(action.manifest): action.manifest for action in actions if isinstance(action, Apply)}
    others = tuple(action for action in actions if not isinstance(action, Apply))
    return Planned(applied, others, cluster)


def planned_again(first: Planned, taken: Children) -> list[str]:
    """Return what the planner would do next, after a plan was carried out as far as Kubernetes took it.

    Args:
        first: the plan.
        taken: the API server's answers to its applies; what is not among them is left out of account.
    """
    live = {**_beginning(), **taken}
    actions = plan(first.cluster, Observed(live, provided(first.cluster)), SYNC_IMAGE).actions
    others = first.children.keys() - taken.keys()
    return [
        str(action)
        for action in actions
        if action not in first.others
        and not (isinstance(action, Apply) and _child(action.manifest) in others)
    ]


def told(first: Planned, failures: tuple[Failure, ...]) -> str:
    """Return what the user reads under Stalled if Kubernetes refuses children; empty if nothing."""
    status = reported(first.cluster, observed(first.cluster), failures)
    return "".join(entry["message"] for entry in status["conditions"] if entry["type"] == "Stalled")


def _child(manifest: Manifest) -> ChildId:
    return ChildId(manifest["kind"], manifest["metadata"]["name"])


def observed(cluster: Cluster) -> Observed:
    """Return the world in which one plan says everything."""
    return Observed(_beginning(), provided(cluster))


def provided(cluster: Cluster) -> dict[ChildId, Manifest | None]:
    """Return what a user would have provided of what the spec refers to; each text tells where it is from."""
    found: dict[ChildId, Manifest | None] = {child: {"data": {}} for child in references(cluster.spec)}
    for child in error_pages(cluster.spec):
        found[child] = {"data": {"503.html": page(child.name)}}
    for file in cluster.spec.application.config_files:
        reference = file.template_ref
        texts = found[ChildId("ConfigMap", reference.name)] or {}
        texts["data"][reference.key] = template(reference.name, reference.key)
    given = cluster.spec.database.user.password_secret_ref
    if given is not None:
        encoded = base64.b64encode(PASSWORD.encode()).decode()
        found[ChildId("Secret", given.name)] = {"data": {given.key: encoded}}
    for child in frontend.references(cluster.spec):
        found[child] = {"data": {**(found[child] or {})["data"], **_certificate()}}
    return found


@cache
def _certificate() -> dict[str, str]:
    """Return what a Secret holds with which clients can be served, and vouched for."""
    authority = Authority("example")
    texts = {**authority.issue("shop.example").secret(), "ca.crt": authority.certificate}
    return {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}


def template(name: str, key: str) -> str:
    """Return the text of a template in a user's ConfigMap."""
    return f"# {name}/{key}\nhost=${{host}}\n"


@cache
def _settled() -> Children:
    cluster = read(stored(copy.deepcopy(dict(BASE))))
    assert not isinstance(cluster, Invalid)
    world = World()
    world.settle(cluster)
    return world.children


def _beginning() -> dict[ChildId, Manifest]:
    kept = {child: live for child, live in _settled().items() if child.kind == "Secret"}
    stubs = {
        child: {**live, **STUB, "metadata": {**live["metadata"], "annotations": {}}}
        for child, live in _settled().items()
        if child.kind == "Deployment"
    }
    return kept | stubs
