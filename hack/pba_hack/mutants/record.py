"""What a run shows: the figures of each module, and the survivors with what was judged of them.

What must stay true: a mutant that no test enters counts as one that survived; one that was not asked counts for
nothing, and how many there are is said; a judgement once written is kept as long as there is a mutant of that change.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pba_hack import provenance
from pba_hack.mutants.verdicts import NOTICED, Verdict, order

REACH = 0.85


@dataclass(frozen=True)
class Figures:
    """One module: mutants killed, mutants asked, and all there are."""

    killed: int
    asked: int
    all: int


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed. `judged` is written by people; empty if nobody has."""

    function: str
    change: str
    outcome: str
    judged: str = ""


Index = Mapping[str, Mapping[str, str]]


def figures(index: Index, verdicts: Mapping[str, Verdict]) -> dict[str, Figures]:
    """Return the figures by module."""
    mutants: dict[str, list[str]] = {}
    for mutant, about in index.items():
        mutants.setdefault(about["module"], []).append(mutant)
    found = {}
    for module, names in sorted(mutants.items()):
        outcomes = [verdicts[name].outcome for name in names if name in verdicts]
        found[module] = Figures(sum(outcome in NOTICED for outcome in outcomes), len(outcomes), len(names))
    return found


def sample(index: Index, verdicts: Mapping[str, Verdict]) -> Figures:
    """Return the figures of the mutants up to the first, in the order of asking, that has no verdict.

    They are a fair sample (all, if the run is whole). What was asked beyond is not: other tests make those who
    survived be asked again, while those who were killed stay killed.
    """
    asked = list(itertools.takewhile(verdicts.__contains__, order(index)))
    return Figures(sum(verdicts[mutant].outcome in NOTICED for mutant in asked), len(asked), len(index))


def survivors(
    index: Index, verdicts: Mapping[str, Verdict], judged: Mapping[tuple[str, str], str]
) -> list[Survivor]:
    """Return who survived, in the order of the source."""
    return [
        Survivor(function, about["change"], outcome, judged.get((function, about["change"]), ""))
        for mutant, about in index.items()
        if mutant in verdicts and (outcome := verdicts[mutant].outcome) not in NOTICED
        for function in [about["function"].replace(".x_", ".")]
    ]


def judgements(path: Path) -> dict[tuple[str, str], str]:
    """Return what was judged in the record at `path`, by function and change; nothing if there is none."""
    if not path.exists():
        return {}
    entries = json.loads(path.read_text())["survivors"]
    return {(entry["function"], entry["change"]): entry["judged"] for entry in entries}


def lines(table: Mapping[str, Figures]) -> Sequence[str]:
    """Return the figures for people: killed/asked, of how many, for each module and together."""
    total = _total(table)
    width = max(map(len, table))
    return [
        f"{module:<{width}}  {one.killed:>5}/{one.asked:<5} {_share(one):>7}"
        + (f"  ({one.all - one.asked} not asked)" if one.asked < one.all else "")
        for module, one in [*table.items(), ("together", total)]
    ]


def verdict(table: Mapping[str, Figures]) -> str:
    """Return `reached` or `missed`; `not complete` as long as a mutant was not asked."""
    total = _total(table)
    if total.asked < total.all:
        return "not complete"
    return "reached" if total.killed >= REACH * total.all else "missed"


def write(
    path: Path,
    *,
    command: str,
    checkout: Path,
    table: Mapping[str, Figures],
    fair: Figures,
    left: Sequence[Survivor],
) -> None:
    """Write the record as JSON; its `value` is that of the fair sample."""
    content: dict[str, Any] = {
        "bench": "mutants",
        "command": command,
        "commit": provenance.commit(checkout),
        "machine": provenance.machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "reach": f">= {REACH}",
        "value": round(fair.killed / fair.asked, 4) if fair.asked else None,
        "verdict": verdict(table),
        "n": fair.asked,
        "sample": asdict(fair),
        "together": asdict(_total(table)),
        "modules": {module: asdict(one) for module, one in table.items()},
        "survivors": [asdict(survivor) for survivor in left],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _total(table: Mapping[str, Figures]) -> Figures:
    return Figures(
        *(sum(column) for column in zip(*((o.killed, o.asked, o.all) for o in table.values()), strict=True))
    )


def _share(one: Figures) -> str:
    return f"{100 * one.killed / one.asked:.1f} %" if one.asked else "-"
