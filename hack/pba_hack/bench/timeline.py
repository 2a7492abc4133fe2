"""The picture of what was like what over time: for each case whose record holds series, its charts one below another.

SVG, made as `picture` makes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from pba_hack.bench.case import Case
from pba_hack.bench.picture import MARGIN, OURS, WIDTH, finished, heading, sheet, text
from pba_hack.bench.record import Entry
from pba_hack.bench.samples import Chart, Series

LEFT: Final = 70
"""Where a chart begins; before it is its scale."""
ACROSS: Final = WIDTH - LEFT - MARGIN
HIGH: Final = 100
_LINE: Final = 17
_BESIDE: Final = ("#8c959f", "#59636e", "#bc4c00")
"""The colours of all lines but the first."""
_DASHES: Final = ("", "2 2", "6 3")
"""The same of their strokes: who sees no colours tells them by these."""
_STROKES: Final = {"2 2": "dotted", "6 3": "dashed"}
_GRID: Final = "#d0d7de"


def timeline(bench: str, cases: Sequence[Case], entries: Sequence[Entry]) -> str | None:
    """Return the picture of the cases that have series in the record, or None if there are none."""
    shown = [
        (case, one)
        for case, one in zip(cases, entries, strict=True)
        if one["value"] is not None and "series" in one["samples"]
    ]
    if not shown:
        return None
    root = sheet(f"Bench: {bench}, over time")
    top = MARGIN
    for case, one in shown:
        top = _panel(root, case, one, top) + MARGIN
    return finished(root, top)


def _panel(root: ET.Element, case: Case, one: Entry, top: int) -> int:
    """Draw a case from `top` downwards; return where it ends."""
    panel = ET.SubElement(root, "g", id=f"{case.id}-over-time")
    top = heading(panel, case, one, top)
    series = Series.read(one["samples"]["series"])
    for chart in series.charts:
        top = _chart(panel, chart, series.seconds, top + 14)
    end = series.seconds[-1]
    for second in range(0, int(end) + 1, tick(end)):
        told = f"{second} s" if second == 0 else str(second)
        text(panel, LEFT + second / end * ACROSS, top + 14, told, text_anchor="middle", fill=_BESIDE[1])
    return top + 16


def tick(end: float) -> int:
    """Return from how many seconds to the next time is told, where it ends so late."""
    return next((step for step in (1, 2, 5, 10, 20, 60) if end / step <= 10), 300)  # noqa: PLR2004 - marks on a line


def ceiling(most: float) -> float:
    """Return where a scale ends that has to hold so much: 1, 2, 5, 10, 20 and so on; full weights end it themselves."""
    if most <= 0:
        return 1.0
    if most == int(most) and int(most) & (int(most) - 1) == 0:
        return most
    base = 10.0 ** math.floor(math.log10(most))
    return next(base * step for step in (1, 2, 5, 10) if base * step >= most)


def _chart(panel: ET.Element, chart: Chart, seconds: Sequence[float], top: int) -> int:
    """Draw a chart, below its title and the names of its lines."""
    title = text(panel, LEFT, top + 12, f"{chart.title}:", font_weight="bold")
    top += _LINE
    most = ceiling(max(max(line) for line in chart.lines.values()))
    for part in (0.0, 0.5, 1.0):
        y = top + HIGH * (1 - part)
        ET.SubElement(panel, "path", d=f"M{LEFT} {y:.1f}h{ACROSS}", stroke=_GRID, fill="none")
        text(panel, LEFT - 6, y + 4, f"{most * part:g}", text_anchor="end", fill=_BESIDE[1])
    styles = [_style(place) for place in range(len(chart.lines))]
    for place, (name, style) in enumerate(zip(chart.lines, styles, strict=True)):
        dash = f" ({_STROKES[style['stroke-dasharray']]})" if style["stroke-dasharray"] else ""
        legend = {"dx": "12", "fill": style["stroke"], "font-weight": "normal" if place else "bold"}
        ET.SubElement(title, "tspan", legend).text = f"{name}{dash}"
    # the one that it is about is drawn last, over the others
    for line, style in reversed(list(zip(chart.lines.values(), styles, strict=True))):
        path = _path(seconds, line, top, most)
        ET.SubElement(panel, "path", {"d": path, "fill": "none", **style})
    return top + HIGH


def _style(place: int) -> dict[str, str]:
    if place == 0:
        return {"stroke": OURS, "stroke-width": "2.2", "stroke-dasharray": ""}
    colour = _BESIDE[(place - 1) % len(_BESIDE)]
    return {"stroke": colour, "stroke-width": "1.2", "stroke-dasharray": _DASHES[(place - 1) % len(_DASHES)]}


def _path(seconds: Sequence[float], line: Sequence[float], top: float, most: float) -> str:
    """Return a line, left out where it goes on as it was."""
    end, drawn = seconds[-1], list[str]()
    for place, (second, value) in enumerate(zip(seconds, line, strict=True)):
        if 0 < place < len(line) - 1 and line[place - 1] == value == line[place + 1]:
            continue
        x, y = LEFT + second / end * ACROSS, top + HIGH * (1 - value / most)
        drawn.append(f"{'L' if drawn else 'M'}{x:.1f} {y:.1f}")
    return "".join(drawn)
