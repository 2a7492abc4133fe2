"""What a cluster holds, asked of kubectl and kept in files when something on it has failed.

`hack/cluster logs`, a failed demo and failed tests on nodes keep the same. Secrets are not read: what is kept may be
shown. One question that fails costs no other its answer, so what may be missing (the type PBACluster, before the
operator is installed) has questions of its own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pba_hack.helm import OPERATOR_NAMESPACE
from pba_hack.kubectl import Kubectl

Ask = Callable[..., str]
"""Runs kubectl with some words, and returns what it says, or why it says nothing."""

OUTLINE: Final = "outline.txt"
ANSWER_SECONDS: Final = 20
"""For one question: an API server that is away keeps nobody waiting for long."""
_KINDS: Final = (
    "statefulsets,deployments,daemonsets,jobs,replicasets,pods,services,endpointslices,persistentvolumeclaims,"
    "persistentvolumes,poddisruptionbudgets,networkpolicies,nodes,leases"
)
QUESTIONS: Final = {
    "pbaclusters.txt": ("get", "pbaclusters", "--all-namespaces", "-o", "wide"),
    "pbaclusters.yaml": ("get", "pbaclusters", "--all-namespaces", "-o", "yaml"),
    "overview.txt": ("get", "deployments,statefulsets,pods,nodes", "--all-namespaces", "-o", "wide"),
    "objects.yaml": ("get", _KINDS, "--all-namespaces", "-o", "yaml"),
    "events.txt": ("get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp"),
    "pods.txt": ("describe", "pods", "--all-namespaces"),
    "operator.log": (
        *("--namespace", OPERATOR_NAMESPACE, "logs", "--selector=app.kubernetes.io/name=pba-operator"),
        *("--prefix", "--timestamps", "--tail=3000"),
    ),
}
_LAST_LINES: Final = 30


def keep(folder: Path) -> str:
    """Write what the cluster holds into a folder, and return what to read first.

    Something else has failed before: what fails here is told in the text instead of it.
    """
    try:
        return collect(folder, _answer)
    except OSError as error:
        return f"what the cluster holds could not be kept: {error}"


def collect(folder: Path, ask: Ask) -> str:
    """Write the answer to each question into a file of a folder, and return what to read first.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answers = {}
    for name, question in QUESTIONS.items():
        answers[name] = ask(*question)
        (folder / name).write_text(answers[name])
    first = _outline(answers)
    (folder / OUTLINE).write_text(first)
    return first


def _answer(*question: str) -> str:
    try:
        done = Kubectl().try_run(f"--request-timeout={ANSWER_SECONDS}s", *question)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}\n"
    return done.stdout + done.stderr


def _outline(answers: dict[str, str]) -> str:
    """Return what ran, and the operator's last words."""
    log = answers["operator.log"].splitlines()[-_LAST_LINES:]
    return "\n".join([answers["pbaclusters.txt"], answers["overview.txt"], *log, ""])
