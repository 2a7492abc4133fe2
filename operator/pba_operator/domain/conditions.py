"""Conditions, by the rules of kstatus: `Reconciling` and `Stalled` are there only while they are true.

Times are the engine's: a condition here carries none (`lastTransitionTime` changes only with `status`).
Source: the conventions of sigs.k8s.io/cli-utils/pkg/kstatus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pba_api.conditions import ConditionType
from pba_operator.domain.model import Cluster, Manifest, Problem

CONDITION_TEXT_MAX: Final = 1024
"""Characters of a condition's message; more is cut. Our own choice, for people who read it in a terminal: the schema
allows 32,768, as `metav1.Condition` does."""


def condition(kind: ConditionType, reason: str, message: str, generation: int, *, true: bool) -> Manifest:
    """Return one condition."""
    text = message if len(message) <= CONDITION_TEXT_MAX else f"{message[: CONDITION_TEXT_MAX - 1]}…"
    return {
        "type": kind.value,
        "status": "True" if true else "False",
        "reason": reason,
        "message": text,
        "observedGeneration": generation,
    }


def _distinct(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems without repetition: twenty pods that cannot pull one image are one problem."""
    seen: dict[tuple[ConditionType, str], Problem] = {}
    for problem in problems:
        seen.setdefault((problem.part, problem.reason), problem)
    return list(seen.values())


def _part(part: ConditionType, problems: Sequence[Problem], generation: int) -> Manifest:
    mine = _distinct([problem for problem in problems if problem.part == part])
    if not mine:
        return condition(part, "Ready", "", generation, true=True)
    worst = [problem for problem in mine if problem.stalled] or mine
    return condition(
        part, worst[0].reason, " ".join(problem.message for problem in worst), generation, true=False
    )


def assemble(cluster: Cluster, parts: Sequence[ConditionType], problems: Sequence[Problem]) -> list[Manifest]:
    """Return all conditions of a PBACluster whose spec could be read.

    Args:
        cluster: the PBACluster.
        parts: the condition types of the parts that the spec asks for.
        problems: what is in the way, the worst first within each part.
    """
    generation = cluster.generation
    by_part = [_part(part, problems, generation) for part in parts]
    broken = [entry for entry in by_part if entry["status"] == "False"]
    stalled = _distinct([problem for problem in problems if problem.stalled])
    summary = " ".join(f"{entry['type']}: {entry['message']}" for entry in broken)
    if not broken:
        overall = [condition(ConditionType.READY, "AllPartsReady", "", generation, true=True)]
    else:
        worst = stalled[0].reason if stalled else broken[0]["reason"]
        overall = [condition(ConditionType.READY, worst, summary, generation, true=False)]
    if stalled:
        text = " ".join(f"{problem.part}: {problem.message}" for problem in stalled)
        overall.append(condition(ConditionType.STALLED, stalled[0].reason, text, generation, true=True))
    elif broken and not cluster.spec.paused:
        overall.append(
            condition(ConditionType.RECONCILING, broken[0]["reason"], summary, generation, true=True)
        )
    if cluster.spec.paused:
        text = "Nothing but this status is written until spec.paused is false."
        overall.append(condition(ConditionType.PAUSED, "PausedByUser", text, generation, true=True))
    return [*overall, *by_part]
