"""The page for people beside a record: what each case has reached last, and all that was measured before."""

from __future__ import annotations

from collections.abc import Sequence

from pba_hack.bench.case import Case
from pba_hack.bench.chart import figure
from pba_hack.bench.record import Entry, edition, told

_HEAD = """# Bench: {bench}

Made from `bench-{bench}.json` by `./hack/bench {bench}`; do not edit. What the words mean:
[hack/bench](../reference/bench.md).

![What each case has reached, beside its peers](bench-{bench}.svg)

| case | what | value | worst | n | reach | verdict |
| --- | --- | --- | --- | --- | --- | --- |
"""


def over_time_file(bench: str) -> str:
    """Return the name of the picture of what was kept over time."""
    return f"bench-{bench}-over-time.svg"


def page(bench: str, cases: Sequence[Case], entries: Sequence[Entry]) -> str:
    """Return the page."""
    newest = told(cases, entries)
    rows = [
        f"| `{one['id']}` | {case.measures} | {figure(one['value'], one['unit'])} | {figure(one['worst'], '')} "
        f"| {one['n']} | {one['reach']} | {one['verdict']} |"
        for case, one in zip(cases, newest, strict=True)
    ]
    parts = [_HEAD.format(bench=bench) + "\n".join(rows)]
    if any("series" in one.get("samples", {}) for one in newest):
        parts.append(f"![What was like what over time]({over_time_file(bench)})")
    parts += [_details(one) for one in newest if "commit" in one]
    older = [one for one in reversed(entries) if one not in newest]
    if older:
        editions = {case.id: case.edition for case in cases}
        lines = [_old(one) + _otherwise(one, editions.get(one["id"])) for one in older]
        parts.append("## Before\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _details(one: Entry) -> str:
    lines = [f"`{one['command']}`, commit `{one['commit']}`, {one['date']}, {one['machine']}{_run(one)}."]
    if one["control"]:
        control = one["control"]
        lines.append(
            f"The floor to itself (A/A): {figure(control['low'], '')} to {figure(control['high'], '')}; the figure "
            f"lies between {figure(one['between'][0], '')} and {figure(one['between'][1], '')}."
        )
    if one["peers"]:
        peers = (f"{name} {figure(value, one['unit'])}" for name, value in one["peers"].items())
        lines.append(f"Peers: {', '.join(peers)}.")
    if one["notes"]:
        lines.append("\n".join(f"- {note}" for note in one["notes"]))
    return "\n\n".join([f"## {one['id']}", *lines])


def _run(one: Entry) -> str:
    run = one["run"]
    if not run:
        return ""
    began, ended = run["load"]
    took = f"{run['seconds']:.0f} s, load average {began:.1f} before and {ended:.1f} after"
    return f", `operator/` at tree `{run['operator']}`; it took {took}"


def _otherwise(one: Entry, now: int | None) -> str:
    return "" if edition(one) == now else "; something else than the case measures now"


def _old(one: Entry) -> str:
    return (
        f"- `{one['id']}`: {figure(one['value'], one['unit'])}, worst {figure(one['worst'], '')}, n {one['n']}: "
        f"{one['verdict']} ({one['reach']}); `{one['commit']}`, {one['date']}"
    )
