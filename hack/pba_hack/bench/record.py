"""A bench's record: one file of all measurements, which is added to, so that a long suite needs no day in one piece.

What must stay true: each entry says commit, machine, date and command; the newest of a case counts, unless the case
measures something else since then; a short run is never in it; the page for people beside it is made from it and from
nothing else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pba_hack.bench.case import Case, Measured, Origin
from pba_hack.bench.reach import Reach
from pba_hack.bench.verdict import NOT_MEASURED, judge

FOLDER: Final = Path("docs", "measurements")
"""Of the records, in the checkout."""

Entry = Mapping[str, Any]

_DIGITS: Final = 6


def entry(
    case: Case, measured: Measured, here: Origin, *, short: bool = False, run: Mapping[str, Any] | None = None
) -> Entry:
    """Return what the record keeps of a measurement.

    Args:
        case: what was measured.
        measured: what came of it.
        here: where and when, unless the figures are older.
        short: it was the short form.
        run: what else is known of the run: how long it took, how busy the machine was, and git's hash of `operator/`,
            by which the same operator is known under another commit.
    """
    reach = Reach.parse(case.reach)
    result = measured.samples.result(reach)
    return {
        "id": case.id,
        "edition": case.edition,
        "value": _rounded(result.value),
        "unit": case.unit,
        "reach": case.reach,
        "verdict": judge(reach, result, short=short),
        "n": result.n,
        "worst": _rounded(result.worst),
        "floor": None if result.floor is None else _rounded(result.floor),
        "peers": {name: _rounded(value) for name, value in result.peers.items()},
        "between": [_rounded(result.low), _rounded(result.high)],
        "control": dataclasses.asdict(result.control) if result.control else None,
        **dataclasses.asdict(measured.origin or here),
        "run": dict(run or {}),
        "notes": list(measured.notes),
        "samples": measured.samples.raw(),
    }


def path(checkout: Path, bench: str) -> Path:
    """Return where the record of a bench is; the page for people is beside it, with the suffix `.md`."""
    return checkout / FOLDER / f"bench-{bench}.json"


def read(file: Path) -> list[Entry]:
    """Return all entries, the oldest first; none if there is no record yet."""
    entries: list[Entry] = json.loads(file.read_text())["entries"] if file.exists() else []
    return entries


def append(file: Path, bench: str, new: Entry) -> list[Entry]:
    """Add an entry; return all. Figures of an older record that are there already are not added again."""
    entries = read(file)
    if not new["run"] and newest(entries, new["id"], edition(new)) == new:
        return entries
    entries.append(new)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"bench": bench, "entries": entries}, indent=1, ensure_ascii=False) + "\n"
    scratch = file.with_suffix(".new")
    scratch.write_text(text)
    scratch.replace(file)
    return entries


def edition(one: Entry) -> int:
    """Return which edition of its case an entry is of; entries from before they were told are of the first."""
    found: int = one.get("edition", 1)
    return found


def newest(entries: Sequence[Entry], case: str, wanted: int = 1) -> Entry | None:
    """Return the last entry of an edition of a case."""
    return next((one for one in reversed(entries) if (one["id"], edition(one)) == (case, wanted)), None)


def told(cases: Sequence[Case], entries: Sequence[Entry]) -> list[Entry]:
    """Return the newest entry of each case; what was never measured as it is now has no value."""
    return [newest(entries, case.id, case.edition) or _never(case) for case in cases]


def _never(case: Case) -> Entry:
    figures: dict[str, Any] = {"value": None, "worst": None, "floor": None, "n": 0, "peers": {}}
    return {"id": case.id, "unit": case.unit, "reach": case.reach, "verdict": NOT_MEASURED, **figures}


_SHAPE: Final = ("id", "value", "unit", "reach", "verdict", "n", "worst", "floor", "peers")
_ORIGIN: Final = ("commit", "machine", "date")


def line(bench: str, entries: Sequence[Entry], commit: str, machine: str) -> str:
    """Return the one line of JSON that programs read; each case says where it was measured itself."""
    cases = [{key: one[key] for key in (*_SHAPE, *_ORIGIN) if key in one} for one in entries]
    return json.dumps(
        {"bench": bench, "commit": commit, "machine": machine, "cases": cases}, ensure_ascii=False
    )


def _rounded(figure: float) -> float:
    """Return the figure without the digits that nobody measured."""
    return float(f"{figure:.{_DIGITS}g}")
