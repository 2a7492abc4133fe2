"""What a pod's status tells, in words that stay the same while the fact does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pba_api.conditions import ConditionType
from pba_operator.domain.model import ChildId, Observed, Problem
from pba_operator.domain.pods import diagnose, is_ready, last_words, of_component
from pba_operator.domain.wording import quote

Json = dict[str, Any]


def pod(*statuses: Json, ready: bool = False, conditions: list[Json] | None = None, **status: Any) -> Json:
    return {
        "kind": "Pod",
        "metadata": {"name": "shop-0"},
        "spec": {"nodeName": "w1"},
        "status": {
            "conditions": conditions or [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": list(statuses),
            **status,
        },
    }


def container(state: Json, *, last: Json | None = None, restarts: int = 0, started: bool = False) -> Json:
    return {
        "name": "app",
        "image": "registry.example/app:1",
        "ready": False,
        "started": started,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def waiting(reason: str, message: str = "") -> Json:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, message: str = "", reason: str = "Error") -> Json:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def found(given_pod: Json) -> Problem:
    problem = diagnose(given_pod, ConditionType.BACKEND)
    assert problem is not None
    assert problem.part is ConditionType.BACKEND
    assert "shop-0" in problem.message
    assert problem.message.endswith(".")
    return problem


def test_a_ready_pod_has_no_problem() -> None:
    assert is_ready(pod(ready=True))
    assert diagnose(pod(ready=True), ConditionType.BACKEND) is None


def test_a_pod_that_is_being_deleted_is_not_ready() -> None:
    going = pod(ready=True)
    going["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    assert not is_ready(going)
    assert found(going) == Problem(ConditionType.BACKEND, "Terminating", found(going).message)


def test_a_pod_without_any_status_is_starting() -> None:
    assert found({"metadata": {"name": "shop-0"}}).reason == "Starting"


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        (
            "ErrImagePull",
            "failed to resolve reference: registry.example/app:1: not found",
            "no such image or tag",
        ),
        (
            "ImagePullBackOff",
            'Back-off pulling image "registry.example/app:1": ErrImagePull: ...: not found',
            "no such image or tag",
        ),
        ("ErrImagePull", "pull access denied, authorization failed", "refused the log-in"),
        ("ErrImagePull", "dial tcp: lookup registry.example: no such host", "cannot be resolved"),
        ("InvalidImageName", "couldn't parse image", "not the name of an image"),
        ("ErrImageNeverPull", "", "imagePullPolicy is Never"),
        ("ImageInspectError", "something new", ""),
    ],
)
def test_an_image_that_cannot_be_had_is_named_with_its_cause(reason: str, message: str, cause: str) -> None:
    problem = found(pod(container(waiting(reason, message))))
    assert (problem.reason, problem.stalled) == ("ImagePullFailed", True)
    assert "registry.example/app:1" in problem.message
    assert cause in problem.message
    assert "imagePullSecrets" in problem.message


def test_a_pull_that_fails_again_and_again_is_told_in_the_same_words() -> None:
    first = pod(container(waiting("ErrImagePull", "read tcp 10.0.0.1:4711->10.0.0.2:443: not found")))
    then = pod(
        container(waiting("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: y:4712: not found'))
    )
    assert found(first) == found(then)


@pytest.mark.parametrize(
    "reason", ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"]
)
def test_a_container_that_cannot_be_started_is_told_with_the_kubelets_words(reason: str) -> None:
    problem = found(pod(container(waiting(reason, 'secret "absent" not found'))))
    assert (problem.reason, problem.stalled) == (reason, True)
    assert 'secret "absent" not found' in problem.message


def test_an_image_that_runs_as_root_is_told_with_the_field_that_helps() -> None:
    words = "container has runAsNonRoot and image will run as root"
    problem = found(pod(container(waiting("CreateContainerConfigError", words))))
    assert "application.podSecurityContext" in problem.message


def test_a_registry_that_does_not_answer_is_no_fault_of_the_images_name() -> None:
    problem = found(pod(container(waiting("ErrImagePull", "dial tcp 10.0.0.1:443: connection refused"))))
    assert "the registry does not answer" in problem.message
    assert "imagePullSecrets" not in problem.message


def test_a_probe_that_does_not_pass_is_told_with_what_it_asks() -> None:
    silent = pod(container({"running": {}}, started=True))
    probe = {"httpGet": {"path": "/wrong", "port": 8080}}
    silent["spec"] = {"containers": [{"name": "app", "readinessProbe": probe}]}
    problem = found(silent)
    assert problem.reason == "NotReady"
    assert "(GET /wrong on port 8080)" in problem.message


def test_a_volume_claim_that_is_not_there_is_no_want_of_room() -> None:
    words = 'persistentvolumeclaim "nope" not found'
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}]
    message = found(pod(conditions=conditions)).message
    assert "Create the volume claim" in message
    assert "resources" not in message


def test_a_failure_that_names_another_container_each_time_is_told_in_the_same_words() -> None:
    first, then = (
        pod(container(waiting("CreateContainerError", f'name "c_x" is reserved for "{digit * 64}"')))
        for digit in "ab"
    )
    assert found(first) == found(then)


def test_an_init_container_counts_too() -> None:
    broken = pod(initContainerStatuses=[container(waiting("CreateContainerConfigError", "no such key"))])
    assert found(broken).reason == "CreateContainerConfigError"


def test_a_pod_that_no_machine_can_take_is_told_with_the_schedulers_words() -> None:
    words = "0/3 nodes are available: 3 Insufficient cpu."
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}]
    problem = found(pod(conditions=conditions))
    assert (problem.reason, problem.stalled) == ("Unschedulable", True)
    assert words in problem.message


def test_a_gate_is_no_failure() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
    assert found(pod(conditions=conditions)).stalled is False


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"reason": "Evicted", "message": "The node was low on resource: memory."}, "low on resource"),
        ({"reason": "Evicted"}, "Evicted"),
        ({}, "no reason was given"),
    ],
)
def test_a_failed_pod_is_being_replaced(status: Json, words: str) -> None:
    problem = found(pod(phase="Failed", **status))
    assert (problem.reason, problem.stalled) == ("PodFailed", False)
    assert words in problem.message


def test_a_crash_loop_is_told_with_the_last_words() -> None:
    text = "Traceback (most recent call last):\n  File x\nValueError: no such table\n"
    problem = found(pod(container(waiting("CrashLoopBackOff"), last=ended(1, text), restarts=3)))
    assert (problem.reason, problem.stalled) == ("CrashLooping", True)
    assert "ValueError: no such table. See" in problem.message
    assert "exit code 1" in problem.message


def test_a_crash_loop_without_words_still_says_where_to_look() -> None:
    problem = found(pod(container(waiting("CrashLoopBackOff"))))
    assert "`kubectl --namespace default logs --previous shop-0 --container app`" in problem.message
    assert "exit code unknown" in problem.message
    elsewhere = pod(container(waiting("CrashLoopBackOff")))
    elsewhere["metadata"]["namespace"] = "shops"
    assert "`kubectl --namespace shops logs --previous shop-0 " in found(elsewhere).message


def test_want_of_memory_is_told_as_such() -> None:
    problem = found(pod(container(waiting("CrashLoopBackOff"), last=ended(137, reason="OOMKilled"))))
    assert "memory limit" in problem.message


def test_one_restart_is_progress_and_the_third_try_is_a_loop_until_it_is_ready() -> None:
    running: Json = {"running": {}}
    assert found(pod(container(running, last=ended(137), restarts=1))).reason == "Starting"
    assert found(pod(container(running, last=ended(137), restarts=2))).reason == "CrashLooping"
    assert found(pod(container(running, last=ended(0), restarts=2))).reason == "Starting"
    forgotten = pod(container(running, restarts=2))
    assert found(forgotten).reason == "Starting", "how it ended, nobody can tell any more"


def test_the_newest_end_is_told_between_two_tries() -> None:
    statuses = container(ended(2, "new words"), last=ended(1, "old words"), restarts=4)
    assert "new words" in found(pod(statuses)).message


def test_a_container_that_runs_but_is_not_ready_is_named() -> None:
    problem = found(pod(container({"running": {}}, started=True)))
    assert (problem.reason, problem.stalled) == ("NotReady", False)
    assert "app" in problem.message


def test_a_machine_that_does_not_report_is_named() -> None:
    status = container({"running": {}}, started=True) | {"ready": True}
    problem = found(pod(status))
    assert problem.reason == "MachineNotReporting"
    assert "w1" in problem.message
    recovered = container({"running": {}}, started=True, last=ended(1), restarts=2) | {"ready": True}
    assert found(pod(recovered)) == problem, "that it crashed, long ago, has nothing to do with it"


def test_only_pods_of_the_role_that_stay_are_counted() -> None:
    def labelled(name: str, component: str | None, **metadata: Any) -> Json:
        labels = {"pba.dev/component": component} if component else None
        return {"kind": "Pod", "metadata": {"name": name, "labels": labels, **metadata}}

    pods = [
        labelled("b", "backend"),
        labelled("a", "backend"),
        labelled("c", "backend", deletionTimestamp="2026-11-24T00:00:00Z"),
        labelled("d", "frontend"),
        labelled("e", None),
    ]
    observed = Observed({ChildId("Pod", item["metadata"]["name"]): item for item in pods})
    assert [item["metadata"]["name"] for item in of_component(observed, "backend")] == ["a", "b"]


MYSQL = """\
2026-11-24T03:34:09.851080Z 0 [Warning] [MY-000067] [Server] unknown variable 'loose_x=1'.
2026-11-24T03:34:09.851112Z 0 [ERROR] [MY-000067] [Server] unknown variable 'no_such_option=1'.
2026-11-24T03:34:09.851306Z 0 [ERROR] [MY-010119] [Server] Aborting
2026-11-24T03:34:12.054614Z 0 [System] [MY-015018] [Server] MySQL Server - end.
"""


def test_the_first_error_of_a_server_is_its_last_words_without_the_time() -> None:
    assert last_words(MYSQL) == "[ERROR] [MY-000067] [Server] unknown variable 'no_such_option=1'."
    assert last_words("[ERROR] Aborting\n") == "[ERROR] Aborting"
    assert last_words("[ERROR] [MY-010119] [Server] Aborting \nMySQL Server - end.") == "MySQL Server - end."
    assert last_words("") == ""
    assert last_words("2026-11-24 03:34:09,851 CRITICAL gone") == "CRITICAL gone"


@given(st.text(max_size=2000))
@example("x" * 301)
def test_a_quote_is_one_line_that_fits(text: str) -> None:
    line = quote(text)
    assert len(line) <= 300
    assert len(line.splitlines()) <= 1
    assert len(last_words(text)) <= 300
