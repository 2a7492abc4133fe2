"""Ports, by number, range and name, with peers and without."""

from __future__ import annotations

from pba_policies.making import DENY_INGRESS, A, Case, in_x, labels, peers, policy

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
        lambda flow: (
            flow.target != "x/a" or (flow.protocol, flow.port) in {("tcp", 80), ("tcp", 81), ("sctp", 81)}
        ),
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
