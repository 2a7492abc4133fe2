"""What cases are made of: policies in few words, and tables by rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pba_policies.stage import PODS, Flow

Policy = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Policies, and what they let through."""

    name: str
    policies: tuple[Policy, ...]
    allows: Callable[[Flow], bool]


def policy(name: str, pods: dict[str, Any] | None = None, namespace: str = "x", **spec: Any) -> Policy:
    """Return a NetworkPolicy; `pods` is its selector, absent where there is none."""
    selector = {} if pods is None else {"podSelector": pods}
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {**selector, **spec}}


def labels(**wanted: str) -> dict[str, Any]:
    """Return a selector of labels."""
    return {"matchLabels": wanted}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    """Return a selector of one requirement."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def peers(
    side: str, *entries: dict[str, Any], ports: tuple[dict[str, Any], ...] = ()
) -> list[dict[str, Any]]:
    """Return one rule."""
    return [{side: list(entries), **({"ports": list(ports)} if ports else {})}]


def address(pod: str) -> str:
    """Return a pod's address as a block."""
    return f"{PODS[pod].address}/32"


A = labels(pod="a")
DENY_INGRESS = policy("deny-ingress", {}, policyTypes=["Ingress"])
DENY_ALL = policy("deny-all", {}, policyTypes=["Ingress", "Egress"])


def in_x(pod: str) -> bool:
    """Tell whether a pod is of the namespace x."""
    return pod.startswith("x/")


def only_into_a(*sources: str) -> Callable[[Flow], bool]:
    """Return a table: into x/a only from these; the rest is open."""
    return lambda flow: flow.target != "x/a" or flow.source in sources


def only_out_of_a(*targets: str) -> Callable[[Flow], bool]:
    """Return a table: out of x/a only to these; the rest is open."""
    return lambda flow: flow.source != "x/a" or flow.target in targets
