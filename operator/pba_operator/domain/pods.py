"""What keeps a pod from being ready, in the user's words: one diagnosis for every role.

Only evidence counts: what the scheduler and the kubelet wrote into the pod's status. Time never does. The
words stay the same while the fact does (a crash loop's texts differ in their time stamps, an image pull's
from try to try): the status would be written again and again otherwise.
"""

from __future__ import annotations

import re
from typing import Final

from pba_api.conditions import ConditionType
from pba_api.identity import LABEL_COMPONENT
from pba_operator.domain.model import Manifest, Observed, Problem
from pba_operator.domain.wording import quote, sentence

_IMAGE_REASONS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
        "ImageInspectError",
        "SignatureValidationFailed",
    }
)
_NO_REGISTRY: Final = "the registry does not answer"
_IMAGE_CAUSES: Final = (
    ("not found", "the registry has no such image or tag"),
    ("manifest unknown", "the registry has no such image or tag"),
    ("unauthorized", "the registry refused the log-in"),
    ("denied", "the registry refused the log-in"),
    ("forbidden", "the registry refused the log-in"),
    ("no such host", "the registry's name cannot be resolved"),
    ("InvalidImageName", "this is not the name of an image"),
    ("ErrImageNeverPull", "it is not on the machine, and imagePullPolicy is Never"),
    ("timeout", _NO_REGISTRY),
    ("connection refused", _NO_REGISTRY),
)
_CONFIGURATION_REASONS: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
_LOOPING_RESTARTS: Final = 2
"""From so many restarts on, a container that runs but is not ready counts as looping until it is ready."""
_TIME_STAMP: Final = re.compile(
    r"^\W*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?\W*(?:\d+ )?"
)


def of_component(observed: Observed, component: str) -> list[Manifest]:
    """Return the pods of a role, by name, but for those that are on their way out."""
    return [
        pod
        for pod in observed.of_kind("Pod")
        if (pod["metadata"].get("labels") or {}).get(LABEL_COMPONENT) == component
        and not pod["metadata"].get("deletionTimestamp")
    ]


def is_ready(pod: Manifest) -> bool:
    """Tell whether a pod serves: its Ready condition is true and it is not on its way out."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return _condition(pod, "Ready").get("status") == "True"


def diagnose(pod: Manifest, part: ConditionType) -> Problem | None:
    """Return what keeps `pod` from being ready; None if it is ready.

    Args:
        pod: The live pod.
        part: The condition type to which the problem belongs.
    """
    if is_ready(pod):
        return None
    name = pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp"):
        return Problem(part, "Terminating", f"The pod {name} is being stopped, to be replaced.")
    return (
        _unscheduled(pod, part)
        or _ended(pod, part)
        or next(
            (found for status in _container_statuses(pod) if (found := _container(pod, status, part))), None
        )
        or _waiting_for_readiness(pod, part)
    )


def last_words(text: str) -> str:
    """Return the line of a container's termination message that tells why it ended, without its time stamp.

    The first line that a server marked as an error, or else the last one (where an exception's text stands).
    """
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "[ERROR]" in line and not line.rstrip().endswith("Aborting")]
    chosen = (errors or lines[-1:] or [""])[0]
    return quote(_TIME_STAMP.sub("", chosen))


def _condition(pod: Manifest, kind: str) -> Manifest:
    conditions: list[Manifest] = pod.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _container_statuses(pod: Manifest) -> list[Manifest]:
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _unscheduled(pod: Manifest, part: ConditionType) -> Problem | None:
    condition = _condition(pod, "PodScheduled")
    if condition.get("status") != "False":
        return None
    name = pod["metadata"]["name"]
    if condition.get("reason") == "SchedulingGated":
        return Problem(
            part, "SchedulingGated", f"The pod {name} waits until its scheduling gates are removed."
        )
    words = sentence(condition.get("message", "the scheduler gave no reason"))
    return Problem(
        part,
        "Unschedulable",
        f"No machine can take the pod {name}: {words} {_remedy(words)}",
        stalled=True,
    )


def _remedy(words: str) -> str:
    """Return what helps against the scheduler's words."""
    if "persistentvolumeclaim" in words.lower():
        return "Create the volume claim that it names, or correct the name."
    return "Lower the resources, loosen the placement under `pod`, or add a machine."


def _ended(pod: Manifest, part: ConditionType) -> Problem | None:
    status = pod.get("status", {})
    if status.get("phase") != "Failed":
        return None
    words = sentence(status.get("message") or status.get("reason") or "no reason was given")
    return Problem(
        part, "PodFailed", f"The pod {pod['metadata']['name']} has failed and is replaced: {words}"
    )


def _container(pod: Manifest, status: Manifest, part: ConditionType) -> Problem | None:
    """Return what the kubelet says against one container; None if nothing does."""
    waiting = status.get("state", {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    where = f"container {status['name']} of pod {pod['metadata']['name']}"
    if reason in _IMAGE_REASONS:
        return _image(status, f"{reason} {waiting.get('message', '')}", where, part)
    if reason in _CONFIGURATION_REASONS:
        words = waiting.get("message", reason)
        message = f"The {where} cannot be started: {sentence(words)} {_start_remedy(words)}"
        return Problem(part, reason, message, stalled=True)
    if reason == "CrashLoopBackOff" or _is_looping(status):
        return _crashed(pod, status, part)
    return None


def _start_remedy(words: str) -> str:
    """Return what helps against the kubelet's words."""
    if "runasnonroot" in words.lower():
        return (
            "Take an image whose user is a number other than 0; or set, in application.podSecurityContext, runAsUser "
            "to that number, or runAsNonRoot to false where the namespace allows it."
        )
    return "Correct what it names."


def _image(status: Manifest, evidence: str, where: str, part: ConditionType) -> Problem:
    lowered = evidence.lower()
    cause = next((words for sign, words in _IMAGE_CAUSES if sign.lower() in lowered), "")
    because = f": {cause}" if cause else ""
    return Problem(
        part,
        "ImagePullFailed",
        f"The image {status.get('image', '')} for {where} cannot be had{because}. {_image_remedy(cause)}",
        stalled=True,
    )


def _image_remedy(cause: str) -> str:
    if cause == _NO_REGISTRY:
        return "It is tried again and again: let the machine reach the registry, or name another one."
    return "Correct the image's name or tag, or name a Secret with the registry's log-in in spec.imagePullSecrets."


def _is_looping(status: Manifest) -> bool:
    """Tell whether a container, not waiting just now, crashed repeatedly without getting ready."""
    failed = (status.get("lastState", {}).get("terminated") or {}).get("exitCode", 0) != 0
    return failed and not status.get("ready") and status.get("restartCount", 0) >= _LOOPING_RESTARTS


def _crashed(pod: Manifest, status: Manifest, part: ConditionType) -> Problem:
    name = pod["metadata"]["name"]
    where = f"container {status['name']} of pod {name}"
    ending = status.get("state", {}).get("terminated") or status.get("lastState", {}).get("terminated") or {}
    if ending.get("reason") == "OOMKilled":
        message = f"The {where} was killed for want of memory, again and again: raise its memory limit."
        return Problem(part, "CrashLooping", message, stalled=True)
    words = last_words(ending.get("message") or "")
    said = f": {sentence(words)}" if words else "."
    return Problem(
        part,
        "CrashLooping",
        f"The {where} ends again and again (exit code {ending.get('exitCode', 'unknown')}){said} "
        f"See `kubectl --namespace {pod['metadata'].get('namespace', 'default')} logs --previous {name} "
        f"--container {status['name']}`.",
        stalled=True,
    )


def _asked(pod: Manifest, container: str) -> str:
    """Return what the readiness probe asks for, if it is a request."""
    containers: list[Manifest] = pod.get("spec", {}).get("containers") or []
    asked = [entry.get("readinessProbe") or {} for entry in containers if entry.get("name") == container]
    probe = asked[0] if asked else {}
    request = probe.get("httpGet") or {}
    return f" (GET {request.get('path', '/')} on port {request['port']})" if request.get("port") else ""


def _waiting_for_readiness(pod: Manifest, part: ConditionType) -> Problem:
    name = pod["metadata"]["name"]
    statuses: list[Manifest] = pod.get("status", {}).get("containerStatuses") or []
    if statuses and all(status.get("ready") for status in statuses):
        node = pod.get("spec", {}).get("nodeName", "")
        message = (
            f"The pod {name} is cut off: its machine {node} does not report. Repair or remove that machine."
        )
        return Problem(part, "MachineNotReporting", message)
    silent = [status["name"] for status in statuses if status.get("started") and not status.get("ready")]
    if silent:
        message = (
            f"The container {silent[0]} of pod {name} runs, but does not pass its readiness probe"
            f"{_asked(pod, silent[0])}. Its log may say why."
        )
        return Problem(part, "NotReady", message)
    return Problem(part, "Starting", f"The pod {name} is starting.")
