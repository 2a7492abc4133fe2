"""Responses are compressed on their way to clients that can read it, where the application has not done so.

HAProxy leaves alone what is compressed already, what has another status than 200 to 203, and what says
`Cache-Control: no-transform` (its configuration manual, `compression algo`).
"""

from __future__ import annotations

from typing import Final

from pba_api.types import Frontend

TYPES: Final = (
    "text/html",
    "text/plain",
    "text/css",
    "text/javascript",
    "text/xml",
    "text/csv",
    "application/javascript",
    "application/json",
    "application/xml",
    "application/xhtml+xml",
    "application/rss+xml",
    "application/manifest+json",
    "image/svg+xml",
)
"""Text of every kind; pictures, sound and archives are compressed already."""


def frontend_rules(frontend: Frontend) -> tuple[str, ...]:
    """Return the lines of the clients' section."""
    return ("compression algo gzip", f"compression type {' '.join(TYPES)}") if frontend.compression else ()
