"""docs/reference/bench.md names every case with its reach, and every field of the record."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pba_hack.bench import record
from pba_hack.bench.balancer.peers import PEERS
from pba_hack.bench.case import Case, Measured, Origin
from pba_hack.bench.registry import NAMES, cases
from pba_hack.bench.samples import Values

Table = Callable[[str, str], list[list[str]]]


@pytest.mark.parametrize("bench", NAMES)
def test_every_case_is_told_with_its_reach(table: Table, bench: str) -> None:
    rows = table("bench", f"Bench: {bench}")
    assert rows == [[f"`{case.id}`", f"`{case.reach}` {case.unit}", case.measures] for case in cases(bench)]


def test_every_peer_is_told(table: Table) -> None:
    assert [row[0] for row in table("bench", "Peers of the bench balancer")] == [
        f"`{name}`" for name in PEERS
    ]


def test_every_field_of_the_record_is_told(table: Table, code_in: Callable[[str], list[str]]) -> None:
    told = [name for row in table("bench", "The record") for name in code_in(row[0])]
    case = Case("it", "s", "<= 1", "how long", lambda _trial: Measured(Values((1.0,))))
    entry = record.entry(case, Measured(Values((1.0,))), Origin("c", "m", "d", "w"))
    assert told == list(entry)
