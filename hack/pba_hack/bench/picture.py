"""The picture of a record, for people: in a panel for each case what was measured, its peers and its bound, to scale.

SVG, made of its elements alone, so that it looks the same wherever it is shown and changes only with the figures.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from pba_hack.bench.case import Case
from pba_hack.bench.chart import figure
from pba_hack.bench.reach import Reach
from pba_hack.bench.record import Entry
from pba_hack.bench.verdict import MISSED, NOT_DISTINGUISHABLE, REACHED

WIDTH: Final = 980
LEFT: Final = 290
"""Where bars begin; their names end before it."""
LONGEST: Final = 560
"""Of the bars; behind them is room for a figure."""
MARGIN: Final = 20
_ROW: Final = 22
_BAR: Final = 14
_LINE: Final = 17
COLUMNS: Final = 118
"""Characters of a line of text."""
COLOURS: Final = {REACHED: "#1a7f37", MISSED: "#cf222e", NOT_DISTINGUISHABLE: "#9a6700"}
_HALO: Final = {"paint_order": "stroke", "stroke": "#ffffff", "stroke_width": "3"}
"""Around what is written over a line."""
OURS, _OTHERS, _INK, _FAINT = "#0969da", "#afb8c1", "#1f2328", "#59636e"


def picture(bench: str, cases: Sequence[Case], entries: Sequence[Entry]) -> str:
    """Return the picture of some cases, each with its entry; what was never measured is left out."""
    shown = [(case, one) for case, one in zip(cases, entries, strict=True) if one["value"] is not None]
    root = sheet(f"Bench: {bench}")
    top = MARGIN
    if not shown:
        top += MARGIN
        text(root, MARGIN, MARGIN, "Nothing was measured yet.")
    for case, one in shown:
        top = _panel(root, case, one, top) + MARGIN
    return finished(root, top)


def sheet(title: str) -> ET.Element:
    """Return an empty picture."""
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", width=str(WIDTH))
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "rect", width="100%", height="100%", fill="#ffffff")
    return root


def finished(root: ET.Element, height: int) -> str:
    """Return the text of a picture that is so high."""
    root.set("height", str(height))
    root.set("viewBox", f"0 0 {WIDTH} {height}")
    root.set("font-family", "system-ui, sans-serif")
    root.set("font-size", "13")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def heading(panel: ET.Element, case: Case, one: Entry, top: int) -> int:
    """Write a case's name, verdict and words from `top` downwards; return where they end."""
    head = text(panel, MARGIN, top + _LINE, case.id, font_size="15", font_weight="bold")
    verdict = f"{one['verdict']} ({one['reach']} {one['unit']}, n {one['n']})"
    ET.SubElement(head, "tspan", dx="10", fill=COLOURS[one["verdict"]]).text = verdict
    top += _LINE + 4
    for line in textwrap.wrap(case.measures, COLUMNS):
        top += _LINE
        text(panel, MARGIN, top, line, fill=_FAINT)
    return top


def _panel(root: ET.Element, case: Case, one: Entry, top: int) -> int:
    """Draw a case from `top` downwards; return where it ends."""
    panel = ET.SubElement(root, "g", id=case.id)
    top = heading(panel, case, one, top) + 10
    rows = _rows(one)
    bound = Reach.parse(one["reach"]).bound
    scale = LONGEST / (max(bound, *one["between"], *rows.values()) or 1.0)
    end = _bound(panel, top, len(rows), bound, scale)
    for number, (name, value) in enumerate(rows.items()):
        _bar(panel, top + number * _ROW, name, value * scale)
    furthest = _spread(panel, top, one, scale)
    for number, value in enumerate(rows.values()):
        told = figure(value, one["unit"])
        x = LEFT + value * scale if number else furthest
        text(
            panel, x + 8, top + number * _ROW + 12, told, font_weight="normal" if number else "bold", **_HALO
        )
    return end


def _rows(one: Entry) -> dict[str, float]:
    rows = {"this project": one["value"], **one["peers"]}
    return rows if one["floor"] is None else {**rows, "the floor": one["floor"]}


def _bar(panel: ET.Element, top: int, name: str, length: float) -> None:
    ours = name == "this project"
    weight = "bold" if ours else "normal"
    text(panel, LEFT - 8, top + 12, name, text_anchor="end", font_weight=weight)
    ET.SubElement(
        panel,
        "rect",
        x=str(LEFT),
        y=str(top),
        width=f"{length:.1f}",
        height=str(_BAR),
        fill=OURS if ours else _OTHERS,
    )


def _spread(panel: ET.Element, top: int, one: Entry, scale: float) -> float:
    """Draw between what the project's figure lies, by which it is judged, over its bar; return where that ends."""
    ends = [LEFT + scale * end for end in (one["value"], *one["between"])]
    middle = top + _BAR / 2
    low, high = float(min(ends)), float(max(ends))
    path = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {top + 2}v{_BAR - 4}M{high:.1f} {top + 2}v{_BAR - 4}"
    ET.SubElement(panel, "path", d=path, stroke=_INK, fill="none")
    return high


def _bound(panel: ET.Element, top: int, rows: int, bound: float, scale: float) -> int:
    x, end = LEFT + bound * scale, top + rows * _ROW
    line = f"M{x:.1f} {top - 4}V{end}"
    ET.SubElement(panel, "path", {"d": line, "stroke": COLOURS[MISSED], "stroke-dasharray": "4 3"})
    text(panel, x, end + 13, f"bound {figure(bound, '')}", text_anchor="middle", fill=_FAINT)
    return end + 16


def text(panel: ET.Element, x: float, y: float, words: str, **attributes: str) -> ET.Element:
    """Write text; an attribute's underscores are hyphens in SVG."""
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    element = ET.SubElement(panel, "text", {"x": f"{x:g}", "y": f"{y:g}", "fill": _INK, **named})
    element.text = words
    return element
