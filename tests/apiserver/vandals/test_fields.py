"""Every field of every child that the operator sets, changed by somebody else: repaired, or told.

Misoperation (Acto, SOSP'23), the part of it that edits what the operator has made. What there is to edit is read from
`metadata.managedFields`. The content of generated Secrets, which is made once and never overwritten, has its own tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from pba_faults.picture import differences
from pba_vandals.edits import Edit, edits, is_key
from pba_vandals.fields import Field, fields, leaves
from pba_vandals.secrets import is_content
from pba_vandals.sweep import End, Outcome, plain
from pba_vandals.victim import Victim, makeable

from pba_api.identity import ANNOTATION_HASH, FIELD_MANAGER, LABEL_COMPONENT
from pba_operator.domain.model import ChildId
from pba_operator.domain.ownership import is_ours

Object = dict[str, Any]
SECONDS = 20.0
"""Until an edit counts as neither repaired nor told; a repair takes a twentieth of a second."""
FEWEST = 500
"""Fields that the operator sets at least: fewer were found, and something was overlooked."""


@dataclass(frozen=True)
class Target:
    """A child, and what the operator has set in it."""

    before: Object
    fields: tuple[Field, ...]

    @property
    def edits(self) -> list[Edit]:
        found = [edit for field in self.fields for edit in edits(self.before, field)]
        return [edit for edit in found if not is_content(self.before, edit.place)]


def _takes_away(target: Target, edit: Edit, victim: Victim) -> bool:
    """Tell whether an edit makes an object, or an item of a list, another than ours."""
    return is_key(edit.field) or not is_ours(victim.cluster, edit.done_to(target.before))


def _has_cost(victim: Victim, child: ChildId) -> bool:
    return "cost" in victim.live(child)["metadata"]["labels"]


@pytest.fixture(scope="module")
def targets(victim: Victim) -> list[Target]:
    """Every child as it is after an apply: some Secrets need none until somebody touches them."""
    for live in victim.children():
        if ANNOTATION_HASH not in live["metadata"].get("annotations", {}):
            child = ChildId.of(live)
            assert victim.vandal.patch(child, [{"op": "remove", "path": "/metadata/labels/cost"}]).ok
            victim.until(partial(_has_cost, victim, child), str(child))
    victim.settle()
    return [Target(live, tuple(fields(live, FIELD_MANAGER))) for live in victim.children()]


@pytest.fixture(autouse=True)
def same_at_the_end(victim: Victim, tireless: None) -> Iterator[None]:  # noqa: ARG001 - fights are another test's
    before = {ChildId.of(live): plain(live) for live in victim.children()}
    yield
    victim.settle()
    after = {ChildId.of(live): plain(live) for live in victim.children()}
    assert differences(after, before) == []


def test_nothing_is_left_out(targets: list[Target]) -> None:
    have = {ChildId.of(target.before) for target in targets}
    assert makeable() - have == set(), "the planner makes these, and the PBACluster here has none"
    for target in targets:
        found = sum(not field.is_item for field in target.fields)
        assert found == leaves(target.before, FIELD_MANAGER), ChildId.of(target.before)
    assert sum(leaves(target.before, FIELD_MANAGER) for target in targets) > FEWEST
    silent = [
        f"{ChildId.of(target.before)} {field}"
        for target in targets
        for field in target.fields
        if not edits(target.before, field)
    ]
    sync = 'spec/template/spec/initContainers/{"name":"sync"}/env/{"name":"PBA_CLIENT_CA_SECRET"}/value'
    assert set(silent) == {
        f"ChildId(kind='Deployment', name='shop-frontend') {sync}",
        "ChildId(kind='Service', name='shop-backend') spec/publishNotReadyAddresses",
        "ChildId(kind='Service', name='shop-management') spec/publishNotReadyAddresses",
    }, "the API server keeps no empty text and no false there: all other fields can be edited"


def _swept(victim: Victim, targets: list[Target], *, taken_away: bool) -> list[Outcome]:
    """Carry out all edits of some objects that take something of ours away, or all others, one after another."""
    return [
        outcome
        for target in targets
        for outcome in victim.vandal.sweep(
            target.before,
            [edit for edit in target.edits if _takes_away(target, edit, victim) is taken_away],
            target.fields,
            SECONDS,
        )
    ]


def test_every_field_is_repaired(victim: Victim, targets: list[Target]) -> None:
    """All objects at once, one field of each at a time: what is repaired was noticed by that field alone."""
    with ThreadPoolExecutor(len(targets)) as pool:
        swept = pool.map(lambda target: _swept(victim, [target], taken_away=False), targets)
        outcomes = [outcome for found in swept for outcome in found]
    assert [str(outcome) for outcome in outcomes if outcome.end is End.LEFT] == []
    told = [str(outcome.edit) for outcome in outcomes if outcome.end is End.TOLD]
    assert told == ["spec/updateStrategy/type: removed"], (
        "what Kubernetes fills in then does not fit with ours"
    )
    beside = {str(outcome.edit) for outcome in outcomes if outcome.end is End.BESIDE}
    assert all("imagePullSecrets" in edit for edit in beside), "a nameless item that somebody has added"
    assert sum(outcome.end is End.REPAIRED for outcome in outcomes) > FEWEST


def test_who_takes_something_of_ours_away_is_told_or_it_is_made_anew(
    victim: Victim, targets: list[Target]
) -> None:
    """Marks of ownership, and the keys of lists' items: of each part one after another, as its status names one."""
    parts: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        parts[target.before["metadata"]["labels"][LABEL_COMPONENT]].append(target)
    with ThreadPoolExecutor(len(parts)) as pool:
        swept = pool.map(lambda part: _swept(victim, part, taken_away=True), parts.values())
        outcomes = [outcome for found in swept for outcome in found]
    assert [str(outcome) for outcome in outcomes if outcome.end is End.LEFT] == []
    assert {outcome.end for outcome in outcomes} >= {End.TOLD, End.BESIDE, End.REPAIRED}
