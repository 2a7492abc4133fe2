"""Who reaches whom under a policy, by real packets: every pod to every other, every port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pba_policies.cases import CASES
from pba_policies.making import Case
from pba_policies.stage import FLOWS, world
from pba_wires.probes import Prober
from pba_wires.stage import Wires


@pytest.fixture(scope="module")
def prober(stage: Wires) -> Iterator[Prober]:
    with Prober(stage) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_who_reaches_whom(case: Case, stage: Wires, prober: Prober) -> None:
    stage.enforce(world(*case.policies))
    expected = {flow for flow in FLOWS if case.allows(flow)}
    assert prober.reached(FLOWS, expected) == expected
