"""NetworkPolicies of the nine pods, and who reaches whom under them.

Most are Kubernetes' own (test/e2e/network/netpol/network_policy.go, 1.35), under their names there; the others are
sentences of the API's reference that those leave out (`k8s.io/api/networking/v1/types.go`).
"""

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


SELECTING = (
    Case("no policy", (), lambda _: True),
    Case("default-deny-ingress", (DENY_INGRESS,), lambda flow: not in_x(flow.target)),
    Case("default-deny-all", (DENY_ALL,), lambda flow: not in_x(flow.target) and not in_x(flow.source)),
    Case(
        "no selector is an empty one",
        (policy("none", policyTypes=["Ingress"]),),
        lambda flow: not in_x(flow.target),
    ),
    Case(
        "pods within the server's namespace by PodSelector",
        (policy("p", A, ingress=peers("from", {"podSelector": labels(pod="b")})),),
        only_into_a("x/b"),
    ),
    Case(
        "ingress for a target, from all",
        (DENY_INGRESS, policy("p", A, ingress=peers("from", {"podSelector": {}, "namespaceSelector": {}}))),
        lambda flow: not in_x(flow.target) or flow.target == "x/a",
    ),
    Case(
        "an empty namespaceSelector selects all namespaces",
        (policy("p", A, ingress=peers("from", {"namespaceSelector": {}})),),
        lambda _: True,
    ),
    Case(
        "an empty podSelector selects all pods of the policy's own namespace",
        (policy("p", A, ingress=peers("from", {"podSelector": {}})),),
        only_into_a("x/b", "x/c"),
    ),
    Case(
        "only from a different namespace by NamespaceSelector",
        (policy("p", A, ingress=peers("from", {"namespaceSelector": labels(ns="y")})),),
        only_into_a("y/a", "y/b", "y/c"),
    ),
    Case(
        "PodSelector with MatchExpressions",
        (policy("p", A, ingress=peers("from", {"podSelector": expression("pod", "In", "b")})),),
        only_into_a("x/b"),
    ),
    Case(
        "NamespaceSelector with MatchExpressions",
        (policy("p", A, ingress=peers("from", {"namespaceSelector": expression("ns", "In", "y")})),),
        only_into_a("y/a", "y/b", "y/c"),
    ),
    Case(
        "NotIn takes what has no such label",
        (policy("p", A, ingress=peers("from", {"namespaceSelector": expression("team", "NotIn", "red")})),),
        lambda _: True,
    ),
    Case(
        "Exists and DoesNotExist",
        (
            policy(
                "p",
                A,
                ingress=peers(
                    "from",
                    {"podSelector": expression("team", "Exists")},
                    {"podSelector": expression("pod", "DoesNotExist")},
                    {
                        "podSelector": expression("team", "DoesNotExist"),
                        "namespaceSelector": labels(ns="z"),
                    },
                ),
            ),
        ),
        only_into_a("z/a", "z/b", "z/c"),
    ),
    Case(
        "PodSelector or NamespaceSelector",
        (
            policy(
                "p",
                A,
                ingress=peers(
                    "from",
                    {"namespaceSelector": expression("ns", "NotIn", "x")},
                    {"podSelector": labels(pod="b")},
                ),
            ),
        ),
        lambda flow: flow.target != "x/a" or flow.source != "x/c",
    ),
    Case(
        "PodSelector and NamespaceSelector",
        (
            policy(
                "p",
                A,
                ingress=peers(
                    "from",
                    {
                        "namespaceSelector": expression("ns", "NotIn", "x"),
                        "podSelector": labels(pod="b"),
                    },
                ),
            ),
        ),
        only_into_a("y/b", "z/b"),
    ),
    Case(
        "multiple PodSelectors and NamespaceSelectors",
        (
            policy(
                "p",
                A,
                ingress=peers(
                    "from",
                    {
                        "namespaceSelector": expression("ns", "NotIn", "x"),
                        "podSelector": expression("pod", "In", "b", "c"),
                    },
                ),
            ),
        ),
        only_into_a("y/b", "y/c", "z/b", "z/c"),
    ),
    Case(
        "any PodSelectors",
        (
            policy(
                "p",
                A,
                ingress=peers("from", {"podSelector": labels(pod="b")}, {"podSelector": labels(pod="c")}),
            ),
        ),
        only_into_a("x/b", "x/c"),
    ),
    Case(
        "a pod of a different namespace by PodSelector and NamespaceSelector",
        (policy("p", A, ingress=peers("from", {"namespaceSelector": labels(ns="y"), "podSelector": A})),),
        only_into_a("y/a"),
    ),
    Case(
        "the default label of namespaces",
        (
            policy(
                "p",
                A,
                egress=peers(
                    "to", {"namespaceSelector": expression("kubernetes.io/metadata.name", "NotIn", "y")}
                ),
                policyTypes=["Egress"],
            ),
        ),
        lambda flow: flow.source != "x/a" or not flow.target.startswith("y/"),
    ),
    Case(
        "a selector that takes nobody lets nobody in",
        (policy("p", A, ingress=peers("from", {"podSelector": labels(pod="d")})),),
        only_into_a(),
    ),
    Case(
        "a policy of another namespace selects none of ours",
        (policy("p", A, "y", ingress=[]),),
        lambda flow: flow.target != "y/a",
    ),
)

PORT_RULES = (
    Case(
        "ports, from a namespace",
        (
            policy(
                "p",
                A,
                ingress=peers("from", {"namespaceSelector": labels(ns="y")}, ports=({"port": 81},)),
            ),
        ),
        lambda flow: (
            flow.target != "x/a"
            or (flow.source.startswith("y/") and (flow.protocol, flow.port) == ("tcp", 81))
        ),
    ),
    Case(
        "stacked policies with overlapping podSelectors",
        tuple(
            policy(
                f"p{port}",
                A,
                ingress=peers("from", {"namespaceSelector": labels(ns="y")}, ports=({"port": port},)),
            )
            for port in (80, 81)
        ),
        lambda flow: flow.target != "x/a" or (flow.source.startswith("y/") and flow.protocol == "tcp"),
    ),
    Case("allow-all", (policy("p", {}, ingress=[{}]),), lambda _: True),
    Case(
        "empty lists restrict nothing",
        (policy("p", {}, ingress=[{"from": [], "ports": []}]),),
        lambda _: True,
    ),
    Case(
        "ingress on one named port",
        (policy("p", {}, ingress=[{"ports": [{"port": "serve-81-tcp"}]}]),),
        lambda flow: not in_x(flow.target) or (flow.protocol, flow.port) == ("tcp", 81),
    ),
    Case(
        "ingress from a namespace on one named port",
        (
            policy(
                "p",
                A,
                ingress=peers(
                    "from", {"namespaceSelector": labels(ns="y")}, ports=({"port": "serve-80-tcp"},)
                ),
            ),
        ),
        lambda flow: (
            flow.target != "x/a"
            or (flow.source.startswith("y/") and (flow.protocol, flow.port) == ("tcp", 80))
        ),
    ),
    Case(
        "a name is the target's own number",
        (policy("p", {}, ingress=[{"ports": [{"port": "web"}]}]),),
        lambda flow: (
            not in_x(flow.target) or (flow.protocol, flow.port) == ("tcp", 81 if flow.target == "x/c" else 80)
        ),
    ),
    Case(
        "a name of another protocol is another port",
        (policy("p", {}, ingress=[{"ports": [{"port": "serve-80-tcp", "protocol": "UDP"}]}]),),
        lambda flow: not in_x(flow.target),
    ),
    Case(
        "egress on one named port",
        (policy("p", {}, policyTypes=["Egress"], egress=[{"ports": [{"port": "serve-80-tcp"}]}]),),
        lambda flow: not in_x(flow.source) or (flow.protocol, flow.port) == ("tcp", 80),
    ),
    Case(
        "egress on a name that is the target's own number",
        (policy("p", {}, policyTypes=["Egress"], egress=[{"ports": [{"port": "web"}]}]),),
        lambda flow: (
            not in_x(flow.source)
            or (flow.protocol, flow.port) == ("tcp", 81 if flow.target.endswith("/c") else 80)
        ),
    ),
    Case(
        "any port of a protocol",
        (policy("p", A, ingress=[{"ports": [{"protocol": "UDP"}]}]),),
        lambda flow: flow.target != "x/a" or flow.protocol == "udp",
    ),
    Case(
        "SCTP is not TCP",
        (DENY_INGRESS, policy("p", A, ingress=[{"ports": [{"port": 81, "protocol": "SCTP"}]}])),
        lambda flow: not in_x(flow.target) or (flow.target, flow.protocol, flow.port) == ("x/a", "sctp", 81),
    ),
    Case(
        "UDP is not TCP",
        (policy("p", A, ingress=[{"ports": [{"port": 81, "protocol": "UDP"}]}]),),
        lambda flow: flow.target != "x/a" or (flow.protocol, flow.port) == ("udp", 81),
    ),
    Case(
        "a protocol that is not given is TCP",
        (policy("p", A, ingress=[{"ports": [{"port": 80}]}]),),
        lambda flow: flow.target != "x/a" or (flow.protocol, flow.port) == ("tcp", 80),
    ),
    Case(
        "endPort is inclusive",
        (policy("p", A, ingress=[{"ports": [{"port": 79, "endPort": 80}]}]),),
        lambda flow: flow.target != "x/a" or (flow.protocol, flow.port) == ("tcp", 80),
    ),
    Case(
        "ports that overlap, of one list",
        (
            policy(
                "p",
                A,
                ingress=[
                    {"ports": [{"port": 80}, {"port": 1, "endPort": 81}, {"port": 81, "protocol": "SCTP"}]}
                ],
            ),
        ),
        lambda flow: flow.target != "x/a" or (flow.protocol, flow.port) in {("tcp", 80), ("tcp", 81), ("sctp", 81)},
    ),
    Case(
        "a rule needs its peers and its ports, each rule for itself",
        (
            policy(
                "p",
                A,
                ingress=[
                    *peers("from", {"podSelector": labels(pod="b")}, ports=({"port": 80},)),
                    *peers("from", {"podSelector": labels(pod="c")}, ports=({"port": 81},)),
                ],
            ),
        ),
        lambda flow: (
            flow.target != "x/a"
            or (flow.protocol == "tcp" and (flow.source, flow.port) in {("x/b", 80), ("x/c", 81)})
        ),
    ),
)

TYPES = (
    Case(
        "egress denied by PodSelector",
        (policy("p", A, policyTypes=["Egress"], egress=[]),),
        only_out_of_a(),
    ),
    Case(
        "egress denied to all of a namespace",
        (policy("p", {}, policyTypes=["Egress"]),),
        lambda flow: not in_x(flow.source),
    ),
    Case(
        "an egress section means both types",
        (policy("p", A, egress=[{"ports": [{"port": 80}]}]),),
        lambda flow: flow.target != "x/a"
        and (flow.source != "x/a" or (flow.protocol, flow.port) == ("tcp", 80)),
    ),
    Case(
        "an empty egress section means ingress alone",
        (policy("p", A, egress=[]),),
        only_into_a(),
    ),
    Case(
        "rules of a type that is not listed are not looked at",
        (policy("p", A, policyTypes=["Egress"], ingress=[], egress=[{}]),),
        lambda _: True,
    ),
    Case(
        "Ingress and Egress together",
        (
            policy(
                "p",
                A,
                policyTypes=["Ingress", "Egress"],
                ingress=peers("from", {"podSelector": labels(pod="b")}),
                egress=[{"ports": [{"port": 80}]}],
            ),
        ),
        lambda flow: (
            (flow.target != "x/a" or flow.source == "x/b")
            and (flow.source != "x/a" or (flow.protocol, flow.port) == ("tcp", 80))
        ),
    ),
    Case(
        "the client's egress counts although the server lets it in",
        (
            policy(
                "out", A, policyTypes=["Egress"], egress=peers("to", {"namespaceSelector": labels(ns="y")})
            ),
            policy("y", {}, "y", ingress=peers("from", {"namespaceSelector": labels(ns="x")})),
            policy("z", {}, "z", ingress=peers("from", {"namespaceSelector": labels(ns="x")})),
        ),
        lambda flow: (
            (flow.source != "x/a" or flow.target.startswith("y/"))
            and (in_x(flow.target) or in_x(flow.source))
        ),
    ),
    Case(
        "ingress and egress are controlled independently",
        (policy("out", A, policyTypes=["Egress"], egress=[{}]), policy("in", A, policyTypes=["Ingress"])),
        only_into_a(),
    ),
    Case(
        "egress to a pod of a different namespace",
        (
            policy(
                "p",
                A,
                policyTypes=["Egress"],
                egress=peers("to", {"namespaceSelector": labels(ns="y"), "podSelector": A}),
            ),
        ),
        only_out_of_a("y/a"),
    ),
    Case(
        "an ingress policy that allows all takes precedence",
        (DENY_INGRESS, policy("allow-all", {}, ingress=[{}])),
        lambda _: True,
    ),
    Case(
        "an egress policy that allows all takes precedence",
        (
            policy("deny-egress", {}, policyTypes=["Egress"]),
            policy("allow-all", {}, policyTypes=["Egress"], egress=[{}]),
        ),
        lambda _: True,
    ),
)

_AROUND_B = {"cidr": "10.244.0.0/16", "except": [address("x/b")]}
BLOCKS = (
    Case(
        "egress to a CIDR block",
        (policy("p", A, policyTypes=["Egress"], egress=peers("to", {"ipBlock": {"cidr": address("y/b")}})),),
        only_out_of_a("y/b"),
    ),
    Case(
        "egress to a CIDR block with an exception",
        (policy("p", A, policyTypes=["Egress"], egress=peers("to", {"ipBlock": _AROUND_B})),),
        lambda flow: flow.source != "x/a" or flow.target != "x/b",
    ),
    Case(
        "an address of a block and of another's exception is allowed",
        (
            policy("p", A, policyTypes=["Egress"], egress=peers("to", {"ipBlock": _AROUND_B})),
            policy("q", A, policyTypes=["Egress"], egress=peers("to", {"ipBlock": {"cidr": address("x/b")}})),
        ),
        lambda _: True,
    ),
    Case(
        "the same within one rule",
        (
            policy(
                "p",
                A,
                ingress=peers("from", {"ipBlock": _AROUND_B}, {"ipBlock": {"cidr": address("x/b")}}),
            ),
        ),
        lambda _: True,
    ),
    Case(
        "an exception is of its own block, not of the selectors beside it",
        (policy("p", A, ingress=peers("from", {"ipBlock": _AROUND_B}, {"podSelector": labels(pod="b")})),),
        lambda _: True,
    ),
    Case(
        "several exceptions, one within another, one of all",
        (
            policy(
                "p",
                A,
                ingress=peers(
                    "from",
                    {"ipBlock": {"cidr": "10.244.1.0/24", "except": ["10.244.1.0/30", "10.244.1.0/29"]}},
                    {"ipBlock": {"cidr": "10.244.2.0/24", "except": ["10.244.2.0/24"]}},
                ),
            ),
        ),
        lambda flow: flow.target != "x/a" or PODS[flow.source].address in {"10.244.1.8", "10.244.1.10"},
    ),
    Case(
        "everybody, as a block",
        (policy("p", A, ingress=peers("from", {"ipBlock": {"cidr": "0.0.0.0/0"}}, ports=({"port": 80},))),),
        lambda flow: flow.target != "x/a" or (flow.protocol, flow.port) == ("tcp", 80),
    ),
    Case(
        "a block of IPv6 is no address of ours",
        (policy("p", A, ingress=peers("from", {"ipBlock": {"cidr": "::/0"}})),),
        only_into_a(),
    ),
    Case(
        "ports with a block",
        (
            policy(
                "p",
                {},
                policyTypes=["Egress"],
                egress=peers("to", {"ipBlock": {"cidr": address("y/c")}}, ports=({"port": "web"},)),
            ),
        ),
        lambda flow: not in_x(flow.source) or (flow.target, flow.protocol, flow.port) == ("y/c", "tcp", 81),
    ),
)

CASES = (*SELECTING, *PORT_RULES, *TYPES, *BLOCKS)
