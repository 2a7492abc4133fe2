"""Who is selected, and by which peers."""

from __future__ import annotations

from pba_policies.making import (
    DENY_ALL,
    DENY_INGRESS,
    A,
    Case,
    expression,
    in_x,
    labels,
    only_into_a,
    peers,
    policy,
)

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
