"""What comes from the spec as one word of HAProxy's configuration, and as nothing else: pure."""

from __future__ import annotations


def is_quotable(word: str) -> bool:
    """Tell whether HAProxy's configuration can hold `word`: no quoting carries a control character."""
    return word.isprintable()


def quoted(word: str) -> str:
    """Return `word` as one word of HAProxy's configuration, whatever characters it holds.

    Raises:
        ValueError: it is not quotable (the schema refuses it before, and so does `cluster.read`).
    """
    if not is_quotable(word):
        raise ValueError(f"HAProxy's configuration cannot hold {word!r}")
    return "'" + word.replace("'", "'\\''") + "'"
