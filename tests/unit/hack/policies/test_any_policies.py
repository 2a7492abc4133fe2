"""Policies that nobody thought of: the rules do what the API's reference says of each connection."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pba_policies.nftables import Table, forwarded, hops
from pba_policies.oracle import allowed
from pba_policies.stage import FLOWS, PODS, rulesets, world

VALUES = st.sampled_from(["a", "b", "c", "x", "y", "z"])
KEYS = st.sampled_from(["pod", "ns", "team"])
REQUIREMENTS = st.one_of(
    st.fixed_dictionaries(
        {
            "key": KEYS,
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(VALUES, min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries({"key": KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
SELECTORS = st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.dictionaries(KEYS, VALUES, max_size=2),
        "matchExpressions": st.lists(REQUIREMENTS, max_size=2),
    },
)
ADDRESSES = st.sampled_from([pod.address for pod in PODS.values()])


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    """A block around a pod, with exceptions inside of it."""
    inner = [f"{draw(ADDRESSES)}/32" for _ in range(draw(st.integers(0, 2)))]
    cidr = draw(st.sampled_from(["0.0.0.0/0", "10.244.0.0/16", "10.244.1.0/24", "10.244.2.0/29"]))
    excepted = [*inner, *draw(st.lists(st.sampled_from(["10.244.1.4/30", "10.244.2.0/28"]), max_size=1))]
    return {"ipBlock": {"cidr": cidr, "except": excepted}}


PEERS = st.one_of(
    blocks(),
    st.fixed_dictionaries({"podSelector": SELECTORS}, optional={"namespaceSelector": SELECTORS}),
    st.fixed_dictionaries({"namespaceSelector": SELECTORS}),
)


@st.composite
def ports(draw: st.DrawFn) -> dict[str, Any]:
    """A port by number, range or name, or none."""
    entry: dict[str, Any] = {}
    if draw(st.booleans()):
        entry["protocol"] = draw(st.sampled_from(["TCP", "UDP", "SCTP"]))
    if number := draw(
        st.one_of(st.none(), st.integers(78, 83), st.sampled_from(["web", "serve-80-udp", "nobody"]))
    ):
        entry["port"] = number
        if isinstance(number, int) and draw(st.booleans()):
            entry["endPort"] = draw(st.integers(number, 84))
    return entry


def rules(side: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """The rules of one direction."""
    rule = st.fixed_dictionaries(
        {}, optional={side: st.lists(PEERS, max_size=3), "ports": st.lists(ports(), max_size=3)}
    )
    return st.lists(rule, max_size=3)


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "podSelector": SELECTORS,
        "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True),
        "ingress": rules("from"),
        "egress": rules("to"),
    },
)


@given(st.lists(st.tuples(st.sampled_from("xyz"), SPECS), max_size=4))
def test_the_rules_do_what_the_reference_says(specs: list[tuple[str, dict[str, Any]]]) -> None:
    policies = [
        {"metadata": {"namespace": namespace, "name": f"p{number}"}, "spec": spec}
        for number, (namespace, spec) in enumerate(specs)
    ]
    given_world = world(*policies)
    tables = {node: Table.read(text) for node, text in rulesets(given_world).items()}
    passed = {flow for flow in FLOWS if forwarded(tables, hops(flow))}
    expected = {
        flow
        for flow in FLOWS
        if allowed(given_world, PODS[flow.source], PODS[flow.target], flow.protocol, flow.port)
    }
    assert passed == expected
