"""The types of policies: which direction is isolated, and both together."""

from __future__ import annotations

from pba_policies.making import DENY_INGRESS, A, Case, in_x, labels, only_into_a, only_out_of_a, peers, policy

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
        lambda flow: (
            flow.target != "x/a" and (flow.source != "x/a" or (flow.protocol, flow.port) == ("tcp", 80))
        ),
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
