"""What generated Secrets hold in the simulations: the real thing, but the same each time within one run."""

from __future__ import annotations

import base64
import random
import threading
from datetime import UTC, datetime
from functools import lru_cache

from pba_operator.domain.model import Generate, Generator, Manifest
from pba_operator.mysql.material import Material

_ONE_AT_A_TIME = threading.Lock()
"""Two threads that make the same at once would each have keys of their own."""
_NOW = datetime(2026, 11, 24, tzinfo=UTC)


def content(action: Generate, issuer: Manifest | None, salt: str = "") -> dict[str, str]:
    """Return the texts that `action` generates; another `salt` gives other ones.

    Args:
        action: what is made.
        issuer: the authority's Secret, for a server's certificate.
        salt: tells one making from another.
    """
    signer = tuple(sorted((issuer or {}).get("data", {}).items()))
    with _ONE_AT_A_TIME:
        return dict(
            _made(action.generator, action.manifest["metadata"]["name"], action.subject, signer, salt)
        )


def encoded(texts: dict[str, str]) -> dict[str, str]:
    """Return the `data` of a Secret that holds these texts."""
    return {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}


@lru_cache(maxsize=1024)
def _made(
    generator: Generator, name: str, subject: tuple[str, ...], signer: tuple[tuple[str, str], ...], salt: str
) -> tuple[tuple[str, str], ...]:
    chosen = random.Random(f"{generator}/{name}/{salt}")  # noqa: S311 - repeatable, in a test
    action = Generate({"metadata": {"name": name}}, generator, subject)
    issuer = {"metadata": {"name": "authority"}, "data": dict(signer)}
    return tuple(Material(now=lambda: _NOW, choose=chosen.choice).make(action, issuer).items())
