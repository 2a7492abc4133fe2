"""Which provider a cluster has. Images follow it: kind's come from Dockerfiles, the local one's from recipes."""

from __future__ import annotations

import os
from typing import Final, Literal

from pba_hack import docker
from pba_hack.cluster.errors import ClusterError, MissingError

__all__ = ["CHOICES", "VARIABLE", "ProviderName", "chosen"]

ProviderName = Literal["kind", "local"]

VARIABLE: Final = "PBA_CLUSTER_PROVIDER"
"""The environment variable that chooses where no option does; set inside of `exec`."""
CHOICES: Final = ("auto", "kind", "local")


def chosen(option: str = "") -> ProviderName:
    """Return the provider that is asked for; `auto` is kind where a Docker engine answers, and local elsewhere.

    Args:
        option: what the command line says; empty leaves it to `VARIABLE`, and without that it is `auto`.

    Raises:
        ClusterError: there is no such choice.
        MissingError: kind is asked for, and no Docker engine answers.
    """
    wanted = option or os.environ.get(VARIABLE) or "auto"
    if wanted not in CHOICES:
        source = "--provider" if option else VARIABLE
        raise ClusterError(f"{source} is '{wanted}': choose from {', '.join(CHOICES)}")
    if wanted == "local":
        return "local"
    if docker.answers():
        return "kind"
    if wanted == "kind":
        raise MissingError(
            "kind needs a Docker engine, and none answers (see `docker info`): start it, or choose the provider "
            f"`local` (`--provider local` or {VARIABLE}=local)"
        )
    return "local"
