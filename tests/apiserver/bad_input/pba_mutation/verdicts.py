"""What becomes of each mutation: refused by the API server, or planned, looked at and given to Kubernetes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from pba_api import identity
from pba_hack.apiserver import Answer
from pba_mutation.bulk import Bulk
from pba_mutation.commands import commands, outsiders
from pba_mutation.examples import found_at, spec_without
from pba_mutation.mutations import Mutation
from pba_mutation.places import unseen
from pba_mutation.planning import NAME, NAMESPACE, Planned, planned, planned_again, told
from pba_operator.domain.model import ChildId, Failure, Manifest
from pba_operator.kube import kinds
from pba_operator.kube.errors import from_response

APPLY: Final = "application/apply-patch+yaml"
CLUSTERS: Final = kinds.CLUSTER.path(NAMESPACE)
MADE_BEFORE: Final = frozenset({f"{NAME}-mysql-{name}" for name in ("admin", "app", "ca", "tls")})
"""Generated Secrets, which only the world of the plan has: no more than their marks is ever applied."""


@dataclass
class Verdict:
    """What became of one mutation."""

    mutation: Mutation
    status: int
    message: str = ""
    """Of the API server, which refused it."""
    stored: Any = None
    """What the API server has put in the place of the mutation; None if nothing."""
    unchanged: bool = False
    """The plan is the same as without the place."""
    unseen: list[str] = field(default_factory=list)
    failures: tuple[Failure, ...] = ()
    """Children that Kubernetes would not take, in its words."""
    told: str = ""
    """What the user reads of these in the status."""
    drifting: list[str] = field(default_factory=list)
    """What would be done right after everything was taken."""
    commands: frozenset[tuple[str, ...]] = frozenset()
    """What our own containers run."""
    outsiders: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        return self.status < 400

    def __str__(self) -> str:
        return self.mutation.id


class Court:
    """Tries mutations on an API server, and changes nothing there."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._answers: dict[tuple[ChildId, str], Manifest | Failure] = {}

    def create(self, spec: Mapping[str, Any]) -> Answer:
        """Return what the API server answers to a new PBACluster with this spec."""
        body = {
            "apiVersion": identity.API_VERSION,
            "kind": identity.KIND,
            "metadata": {"name": NAME},
            "spec": spec,
        }
        return self._bulk.request("POST", CLUSTERS, body, dryRun="All", fieldValidation="Strict")

    def apply(self, child: ChildId, manifest: Manifest) -> Manifest | Failure:
        """Return what the operator's apply of a child gives; the same one is asked once."""
        key = (child, manifest["metadata"]["annotations"][identity.ANNOTATION_HASH])
        if key not in self._answers:
            path = kinds.of(manifest).path(NAMESPACE, child.name)
            query = {"fieldManager": identity.FIELD_MANAGER, "force": "true", "dryRun": "All"}
            answer = self._bulk.request("PATCH", path, manifest, APPLY, fieldValidation="Strict", **query)
            self._answers[key] = answer.body if answer.ok else _failure(child, answer)
        return self._answers[key]

    def judge(self, mutation: Mutation) -> Verdict:
        """Return what becomes of a mutation."""
        try:
            return self._judge(mutation)
        except Exception as error:
            error.add_note(f"at the mutation {mutation.id}")
            raise

    def _judge(self, mutation: Mutation) -> Verdict:
        answer = self.create(mutation.spec())
        if not answer.ok:
            return Verdict(mutation, answer.status, answer.body["message"])
        spec = answer.body["spec"]
        plan = planned(spec)
        answers = {
            child: self.apply(child, manifest)
            for child, manifest in plan.children.items()
            if child.name not in MADE_BEFORE
        }
        failures = tuple(answer for answer in answers.values() if isinstance(answer, Failure))
        taken = {child: answer for child, answer in answers.items() if not isinstance(answer, Failure)}
        return Verdict(
            mutation,
            answer.status,
            stored=found_at(spec, mutation.node.path),
            unchanged=plan == _without(mutation.node.path),
            unseen=[] if spec["paused"] else unseen(spec, plan.children),
            failures=failures,
            told=told(plan, failures) if failures else "",
            drifting=planned_again(plan, taken),
            commands=frozenset(commands(plan.children)),
            outsiders=list(outsiders(plan.children)),
        )


def _failure(child: ChildId, answer: Answer) -> Failure:
    """Return what the engine makes of the API server's refusal."""
    error = from_response(answer.status, {}, answer.body)
    return Failure(child, error.reason, error.message)


@cache
def _without(path: tuple[str, ...]) -> Planned:
    return _planned(json.dumps(spec_without(path)))


@cache
def _planned(spec: str) -> Planned:
    return planned(json.loads(spec))
