"""Words that parts share. Other programs' stand on one line, bounded, and ended before ours go on."""

from __future__ import annotations

import re
from typing import Final

from pba_operator.domain.model import Manifest

_LONGEST_QUOTE: Final = 300
"""Characters of another program's words; more is cut."""
_IDENTIFIER: Final = re.compile(r"\b[0-9a-f]{32,}\b")
_ENDS: Final = (".", "!", "?", "…")


def quote(text: str) -> str:
    """Return another program's words on one line, not longer than a message can carry.

    Long hexadecimal numbers (a container runtime's identifiers) go: they differ from try to try.
    """
    line = _IDENTIFIER.sub("…", " ".join(text.split()))
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"


def sentence(text: str) -> str:
    """Return another program's words as a sentence that ours can follow."""
    line = quote(text)
    return line if line.endswith(_ENDS) else f"{line}."


def being_deleted(live: Manifest) -> str:
    """Return what to tell of a child that somebody has deleted, and that does not go."""
    names = ", ".join(live["metadata"].get("finalizers") or ())
    holds = f" and waits for whoever set the finalizers {names}" if names else ""
    return f'{live["kind"]} "{live["metadata"]["name"]}" is being deleted{holds}; it is made anew once it is gone.'
