"""The chart for people: each case's figure beside its bound, its floor and its peers, as bars of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pba_hack.bench.case import Case
from pba_hack.bench.reach import Reach
from pba_hack.bench.record import Entry

WIDTH: Final = 40
"""Of the longest bar, in characters."""


def chart(cases: Sequence[Case], entries: Sequence[Entry]) -> str:
    """Return the chart of some cases, each with its entry."""
    return "\n\n".join(_case(case, one) for case, one in zip(cases, entries, strict=True))


def figure(value: float | None, unit: str) -> str:
    """Return a figure for people: as many digits as it takes to tell it from its neighbours, and the unit."""
    if value is None:
        return "-"
    return f"{value:.4g} {unit}".strip()


def _case(case: Case, one: Entry) -> str:
    head = f"{case.id}: {one['verdict']} (n {one['n']}, reach {one['reach']})\n  {case.measures}"
    if one["value"] is None:
        return f"{head}\n  never measured"
    bars = {"value": one["value"], "worst": one["worst"], **one["peers"]}
    if one["floor"] is not None:
        bars["floor"] = one["floor"]
    bars["bound"] = Reach.parse(one["reach"]).bound
    scale = max(abs(value) for value in bars.values()) or 1.0
    width = max(map(len, bars))
    lines = [
        f"  {name:<{width}}  {_bar(value / scale):<{WIDTH}}  {figure(value, one['unit'])}"
        for name, value in bars.items()
    ]
    if one["control"]:
        low, high = figure(one["control"]["low"], ""), figure(one["control"]["high"], "")
        lines.append(f"  the floor to itself (A/A): {low} to {high}")
    lines.append(f"  {one['commit']}, {one['date']}, {one['machine']}")
    return "\n".join([head, *lines])


def _bar(share: float) -> str:
    """Return a bar; what is not nothing is seen."""
    return "#" * (max(1, round(share * WIDTH)) if share > 0 else 0)
