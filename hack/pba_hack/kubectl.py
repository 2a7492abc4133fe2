"""kubectl as a user has it, for the demo and the tests on real nodes.

A user's commands are what is promised, so it is the user's command that is run, not a client library.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any, TypeVar

from pba_hack import conditions, waiting

Json = dict[str, Any]
T = TypeVar("T")

POLL_SECONDS = 0.3
COMMAND_SECONDS = 120
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


class KubectlError(Exception):
    """kubectl ended with an error; the message is its own."""


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 120.0) -> T:
    """Return the first true answer of `look`; a look by kubectl is a process, so not too often.

    Raises:
        WaitedInVainError: after `seconds`, with the last answer.
    """
    return waiting.wait_for(what, look, seconds, poll_seconds=POLL_SECONDS)


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, namespace: str = "default") -> None:
        """Run in `namespace`; the cluster is the one that KUBECONFIG names."""
        self.namespace = namespace

    def try_run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return what it did, whether it failed or not."""
        command = ["kubectl", "--namespace", self.namespace, *args]
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            errors="backslashreplace",  # a program may log any bytes
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it printed.

        Raises:
            KubectlError: it ended with an error.
        """
        done = self.try_run(*args, stdin=stdin)
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def get(self, kind: str, name: str) -> Json | None:
        """Return one object; None if it does not exist."""
        printed = self("get", kind, name, "-o", "json", "--ignore-not-found")
        found: Json | None = json.loads(printed) if printed.strip() else None
        return found

    def items(self, kind: str, selector: str = "") -> list[Json]:
        """Return the objects of a kind that carry the labels of `selector`."""
        found: list[Json] = json.loads(self("get", kind, "-l", selector, "-o", "json"))["items"]
        return found

    def apply(self, *manifests: Json) -> None:
        """Apply manifests as a user would with `kubectl apply --server-side`."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=document)

    def patch(self, kind: str, name: str, *operations: Json) -> None:
        """Change an object by the operations of a JSON patch (RFC 6902)."""
        self("patch", kind, name, "--type=json", "-p", json.dumps(operations))

    def merge(self, kind: str, name: str, change: Json) -> None:
        """Change an object by a JSON merge patch (RFC 7396): what is null in it is taken away."""
        self("patch", kind, name, "--type=merge", "-p", json.dumps(change))

    def condition(self, name: str, kind: str) -> Json | None:
        """Return a condition of the PBACluster `name`, once it speaks of the newest generation."""
        found = self.get("pbacluster", name)
        entry = conditions.condition(found or {}, kind)
        if found is None or entry is None or entry["observedGeneration"] != found["metadata"]["generation"]:
            return None
        return entry

    def wait_ready(self, name: str, seconds: float = 240.0) -> Json:
        """Return the condition `Ready` of the PBACluster `name` once it is true."""

        def ready() -> Json | None:
            entry = self.condition(name, "Ready")
            return entry if entry is not None and entry["status"] == "True" else None

        return wait_for(f"PBACluster {self.namespace}/{name} to be Ready", ready, seconds)


def restricted_namespace(name: str) -> Kubectl:
    """Return kubectl in a namespace that enforces the restricted Pod Security Standard, made if it is not there."""
    kubectl = Kubectl(name)
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})
    return kubectl
