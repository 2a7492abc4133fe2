"""Whatever the conditions say together, Argo CD's health and kstatus never contradict each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from pba_hack.gitops import JudgeError, argocd_health, kstatus
from pba_operator.domain.model import Manifest

KINDS = ("Ready", "Reconciling", "Stalled", "Paused")
States = dict[str, str]


def _combinations() -> Iterator[tuple[int, States]]:
    for seen, *states in itertools.product((6, 7), *[("", "True", "False")] * len(KINDS)):
        assert isinstance(seen, int)
        yield seen, {kind: str(state) for kind, state in zip(KINDS, states, strict=True) if state}


def _manifest(seen: int, states: States) -> Manifest:
    conditions = [{"type": kind, "status": state, "message": f"{kind}."} for kind, state in states.items()]
    return {
        "apiVersion": "pba.dev/v1alpha1",
        "kind": "PBACluster",
        "metadata": {"name": "shop", "generation": 7},
        "status": {"observedGeneration": seen, "conditions": conditions},
    }


def _expected(seen: int, states: States) -> str:
    if seen != 7:
        return "Progressing"
    for kind, health in (("Stalled", "Degraded"), ("Paused", "Suspended"), ("Ready", "Healthy")):
        if states.get(kind) == "True":
            return health
    return "Progressing"


CASES = list(_combinations())
MANIFESTS = [_manifest(*case) for case in CASES]


def test_health_of_every_combination() -> None:
    found = [verdict.status for verdict in argocd_health(*MANIFESTS)]
    assert len(found) == 162
    wrong = {
        str(case): health for case, health in zip(CASES, found, strict=True) if health != _expected(*case)
    }
    assert wrong == {}


def test_failure_is_told_in_its_own_words() -> None:
    failed = [verdict for verdict in argocd_health(*MANIFESTS) if verdict.status == "Degraded"]
    assert {verdict.message for verdict in failed} == {"Stalled."}


def test_health_and_kstatus_agree_on_failure_and_on_success() -> None:
    judged = zip(CASES, argocd_health(*MANIFESTS), kstatus(*MANIFESTS), strict=True)
    for (seen, states), health, status in judged:
        if states.get("Reconciling") == "True":  # kstatus looks no further; the operator never says more then
            assert status.status == "InProgress"
            continue
        assert (health.status == "Degraded") == (status.status == "Failed"), (seen, states)
        if health.status == "Healthy":
            assert status.status == "Current", (seen, states)


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"observedGeneration": 7},
        {"observedGeneration": 7, "conditions": []},
        {"conditions": [{"type": "Ready"}]},
    ],
)
def test_half_a_status_is_progress(status: Manifest) -> None:
    manifest = {**_manifest(7, {}), "status": status}
    assert argocd_health(manifest)[0].status == "Progressing"


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ('return { status = string.upper("x") }', "non-table object(nil)"),
        ("while true do end", "context deadline exceeded"),
        ("return 7", "the script returned a number"),
    ],
)
def test_script_runs_within_the_limits_of_argo_cd(tmp_path: Path, script: str, complaint: str) -> None:
    other = tmp_path / "health.lua"
    other.write_text(script)
    with pytest.raises(JudgeError, match="PBACluster shop") as error:
        argocd_health(_manifest(7, {}), script=other)
    assert complaint in str(error.value)


def test_unknown_word_is_unknown_health(tmp_path: Path) -> None:
    other = tmp_path / "health.lua"
    other.write_text('return { status = "Great" }')
    assert argocd_health(_manifest(7, {}), script=other)[0].status == "Unknown"
