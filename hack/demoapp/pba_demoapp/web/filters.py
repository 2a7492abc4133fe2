"""How amounts, times and colours are written on pages."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask

_DARK = 140
"""Of 255: white text is read better on what is darker than this."""


def money(cents: int) -> str:
    """Return an amount in cents as `$1,234.50`."""
    sign = "\u2212" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def per(period: str) -> str:
    """Return a price's period as people write it."""
    return {"month": "a month", "year": "a year", "once": "once"}.get(period, period)


def day(moment: datetime) -> str:
    """Return a day, such as `24 November 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def text_on(color: str) -> str:
    """Return the colour in which text is read best on `color` (perceived brightness, W3C AERT 2.2)."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return "#ffffff" if (red * 299 + green * 587 + blue * 114) / 1000 < _DARK else "#1d2733"


def register(app: Flask) -> None:
    """Let templates use them."""
    for function in (money, per, day, text_on):
        app.add_template_filter(function)
    # Browsers keep the style sheet for a year: its address must change with it.
    style = Path(__file__).parent / "static" / "style.css"
    app.jinja_env.globals["style_version"] = hashlib.sha256(style.read_bytes()).hexdigest()[:12]
