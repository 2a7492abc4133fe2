"""Every place of the schema, changed in every way: refused with a remedy, or it acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pba_mutation.places import PLACES
from pba_mutation.schema import is_borrowed, leaves, nodes
from pba_mutation.verdicts import Verdict

pytestmark = pytest.mark.timeout(900)
"""The first test waits for all verdicts: a minute, or several on a busy machine."""

ROOT = Path(__file__).parents[3]
PLAIN = ("boolean", "integer", "number", "string")
EMPTY: tuple[Any, ...] = (None, "", [], {})
"""What says nothing: the same as leaving the field out."""
AS_WITHOUT = frozenset(
    {
        "application.podSecurityContext.runAsNonRoot: good",
        "application.podSecurityContext.seccompProfile.type: choice RuntimeDefault",
        "application.securityContext.allowPrivilegeEscalation: false",
        "network.applicationEgress[].ports[].protocol: choice TCP",
    }
)
"""What the operator's own defaults, which meet the Pod Security Standard `restricted`, say anyway; or Kubernetes'."""
OF_THE_CLUSTER = frozenset({"service.ipFamilyPolicy: choice RequireDualStack"})
"""What is refused for the sake of the cluster on which it is tried, which has one IP family."""
REMEDIES = re.compile(
    r"must|should|may not|supported values|Required value|at most|Duplicate value|unknown field|too many|Too long|"
    r"Too many|cannot|choose|goes with|acts only|needs? "
)


def names_of(found: list[Verdict]) -> list[str]:
    return sorted(str(verdict) for verdict in found)


def test_every_place_is_tried(verdicts: list[Verdict]) -> None:
    tried = {verdict.mutation.node.path for verdict in verdicts}
    assert tried == {node.path for node in nodes()}
    assert len(leaves()) == sum(1 for _ in _plain_values(_schema_of_the_spec())) > 400
    assert len({verdict.mutation.id for verdict in verdicts}) == len(verdicts)


def _schema_of_the_spec() -> Any:
    """Return it as the API server was given it."""
    crd = yaml.safe_load((ROOT / "crds" / "pba.dev_pbaclusters.yaml").read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def _plain_values(schema: Any) -> Iterator[Any]:
    """Yield all that may hold a plain value, found without knowing how a schema is built."""
    if isinstance(schema, dict):
        if str(schema.get("type")) in PLAIN or schema.get("x-kubernetes-int-or-string") is True:
            yield schema
        for inner in schema.values():
            yield from _plain_values(inner)


def test_every_field_has_its_place_in_what_is_planned() -> None:
    homeless = [str(node) for node in leaves() if not any(str(node).startswith(field) for field in PLACES)]
    assert homeless == []
    assert [field for field in PLACES if not any(str(node).startswith(field) for node in leaves())] == []


def test_every_place_takes_a_good_value(refused: list[Verdict]) -> None:
    assert names_of([verdict for verdict in refused if verdict.mutation.kind == "good"]) == []


def test_a_refusal_names_the_field_and_what_to_do(refused: list[Verdict]) -> None:
    assert {verdict.status for verdict in refused} <= {400, 422}
    assert names_of([verdict for verdict in refused if not _names_the_field(verdict)]) == []
    assert names_of([verdict for verdict in refused if not REMEDIES.search(verdict.message)]) == []


def _names_the_field(verdict: Verdict) -> bool:
    """Tell whether a refusal names the place, or what is around it and blames it for more than one field."""
    where = verdict.mutation.where
    around = [where[: end.start()] for end in re.finditer(r"[.\[]", where)][1:] or [
        where.removeprefix("spec.")
    ]
    return any(name in verdict.message for name in (where, *around))


def test_what_is_accepted_is_seen(accepted: list[Verdict]) -> None:
    assert [f"{verdict}: {wrong}" for verdict in accepted for wrong in verdict.unseen] == []


def test_what_is_accepted_changes_something(accepted: list[Verdict]) -> None:
    idle = [
        verdict
        for verdict in accepted
        if verdict.unchanged
        and verdict.stored not in EMPTY
        and verdict.mutation.value not in EMPTY
        and verdict.mutation.id not in AS_WITHOUT
        and verdict.stored != verdict.mutation.node.schema.get("default")
    ]
    assert names_of(idle) == []


def test_a_plan_that_was_carried_out_leaves_nothing_to_do(accepted: list[Verdict]) -> None:
    assert [f"{verdict}: {action}" for verdict in accepted for action in verdict.drifting] == []


def test_what_kubernetes_alone_refuses_is_told_in_its_words(accepted: list[Verdict]) -> None:
    refused = [verdict for verdict in accepted if verdict.failures]
    assert names_of([verdict for verdict in refused if not is_borrowed(verdict.mutation.node)]) == sorted(
        OF_THE_CLUSTER
    )
    assert names_of([verdict for verdict in refused if not _is_told(verdict)]) == []


def _is_told(verdict: Verdict) -> bool:
    """Tell whether the status says which child is refused, and names a field on the way to the place."""
    child = verdict.failures[0].target
    fields = [step for step in verdict.mutation.node.path[1:] if step.isalpha()]
    return f'{child.kind} "{child.name}"' in verdict.told and any(
        re.search(rf"\b{name}\b", verdict.told) for name in fields
    )


def test_no_value_ends_in_a_shell(accepted: list[Verdict]) -> None:
    """What our containers run is the same, whatever the spec says."""
    runs = {verdict.commands for verdict in accepted if verdict.commands}
    whole = frozenset().union(*runs)
    assert len({line[:4] for line in whole}) == len(whole)
    assert len(whole) > 10


def test_nothing_is_planned_outside_of_the_namespace(accepted: list[Verdict]) -> None:
    assert [f"{verdict}: {who}" for verdict in accepted for who in verdict.outsiders] == []
