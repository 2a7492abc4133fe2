"""Blocks of addresses and their exceptions."""

from __future__ import annotations

from pba_policies.making import A, Case, address, in_x, labels, only_into_a, only_out_of_a, peers, policy
from pba_policies.stage import PODS

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
