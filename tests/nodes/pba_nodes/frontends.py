"""What leads to the frontends, and from them to the backends, as Kubernetes and HAProxy show it."""

from __future__ import annotations

from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Load


def serving(kubectl: Kubectl, service: str) -> set[str]:
    """Return the pods to which Kubernetes leads the clients of a Service."""
    slices = kubectl.items("endpointslices", f"kubernetes.io/service-name={service}")
    return {
        endpoint["targetRef"]["name"]
        for found in slices
        for endpoint in found.get("endpoints") or ()
        if endpoint["conditions"].get("ready")
    }


def none_fails_in(clients: Load, answers: int) -> bool:
    """Tell whether the clients get their next answers without a failure between them."""
    before = clients.tally.snapshot()
    wait_for("answers", lambda: clients.tally.snapshot().answered > before.answered + answers)
    return clients.tally.snapshot().failed == before.failed


def answered_by(loads: tuple[Load, ...], node: str) -> int:
    """Return how many requests a backend node has answered."""
    return sum(each.tally.snapshot().by_node.get(node, 0) for each in loads)


def haproxy_identity(kubectl: Kubectl, pod: str) -> str:
    """Return the identifiers of HAProxy's processes, each with the time of its start."""
    printed = kubectl("exec", pod, "-c", "haproxy", "--", "sh", "-c", "cat /proc/[0-9]*/stat")
    rows = [line.split() for line in printed.splitlines() if "(haproxy)" in line]
    return " ".join(f"{row[0]}@{row[21]}" for row in rows)


def failed_checks(kubectl: Kubectl, pod: str, node: str) -> int:
    """Return how often this HAProxy's own checks have found a backend node down."""
    said = kubectl("logs", pod, "-c", "haproxy", "--tail=-1")
    return sum(f"nodes/{node} is DOWN" in line for line in said.splitlines())
