"""Who reaches whom under a policy: every pod to every other, every port, through the rules of all nodes on the way."""

from __future__ import annotations

import pytest
from pba_policies.cases import CASES
from pba_policies.making import Case
from pba_policies.nftables import Table, forwarded, hops
from pba_policies.oracle import allowed
from pba_policies.stage import FLOWS, PODS, rulesets, world


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_who_reaches_whom(case: Case) -> None:
    tables = {node: Table.read(text) for node, text in rulesets(world(*case.policies)).items()}
    reached = {flow for flow in FLOWS if forwarded(tables, hops(flow))}
    expected = {flow for flow in FLOWS if case.allows(flow)}
    assert reached == expected


def test_the_tables_are_of_different_worlds() -> None:
    tables = {frozenset(flow for flow in FLOWS if case.allows(flow)) for case in CASES}
    assert len(tables) > len(CASES) / 2


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_table_says_what_the_reference_says(case: Case) -> None:
    given = world(*case.policies)
    for flow in FLOWS:
        ends = (PODS[flow.source], PODS[flow.target])
        assert allowed(given, *ends, flow.protocol, flow.port) == case.allows(flow), flow
