"""A demo that follows another one waits for what is on its way out, says so, and uses what stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pba_hack.demo.leaving import await_gone
from pba_hack.kubectl import Kubectl
from pba_hack.waiting import WaitedInVainError

Json = dict[str, Any]


class Answering(Kubectl):
    """kubectl that gives one answer after another, the last one for ever."""

    def __init__(self, *answers: Json | None) -> None:
        super().__init__("demo")
        self.answers = list(answers)

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        assert stdin is None
        assert args[:3] == ("get", "namespace", "demo")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return json.dumps(answer) if answer else ""


def leaving(**status: Any) -> Json:
    return {"metadata": {"name": "demo", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


def condition(type_: str, status: str, message: str) -> Json:
    return {"type": type_, "status": status, "message": message}


STAYS: Json = {"metadata": {"name": "demo"}}
PODS = "Some resources are remaining: pods. has 6 resource instances"
CLAIMS = "Some resources are remaining: persistentvolumeclaims. has 1 resource instances"


@pytest.mark.parametrize("found", [None, STAYS])
def test_what_stays_or_is_not_there_is_not_waited_for(
    found: Json | None, capsys: pytest.CaptureFixture[str]
) -> None:
    await_gone(Answering(found), "namespace", "demo")
    assert capsys.readouterr().out == ""


def test_what_is_on_its_way_out_is_waited_for_and_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    others = condition("NamespaceDeletionDiscoveryFailure", "False", "All resources successfully discovered")
    kubectl = Answering(
        leaving(),
        leaving(conditions=[others, condition("NamespaceContentRemaining", "True", PODS)]),
        leaving(conditions=[others, condition("NamespaceContentRemaining", "True", PODS)]),
        leaving(conditions=[others, condition("NamespaceContentRemaining", "True", CLAIMS)]),
        None,
    )
    await_gone(kubectl, "namespace", "demo")
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines == ["==> the namespace demo of an earlier demo is being deleted: wait until it is gone",
                     f"  {PODS}", f"  {CLAIMS}"]  # fmt: skip


def test_one_that_does_not_go_is_an_error_that_names_it() -> None:
    with pytest.raises(WaitedInVainError, match="namespace demo to be gone"):
        await_gone(Answering(leaving()), "namespace", "demo", seconds=0)
