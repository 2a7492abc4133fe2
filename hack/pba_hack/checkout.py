"""Where the checkout is, and how one of its commands calls another."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
HACK: Final = CHECKOUT / "hack"


def in_cluster(*words: str) -> list[str]:
    """Return the command that runs `words` in the cluster's network, with its KUBECONFIG, kubectl and Helm."""
    return [str(HACK / "cluster"), "exec", "--", *words]
