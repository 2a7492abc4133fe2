"""Where the programs are that `hack/cluster` builds once and keeps (Kubernetes, Helm, kubectl and so on)."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from pba_hack.checkout import HACK

_CLUSTER = HACK / "cluster"


@cache
def binary(name: str) -> Path:
    """Return the path of a built program, built now if it is not there yet.

    Args:
        name: such as `kubernetes` or `helm`. The environment variable `PBA_<NAME>_BINARY` takes another one.

    Raises:
        CalledProcessError: it cannot be built; `hack/cluster` has said why.
    """
    given = os.environ.get(f"PBA_{name.upper().replace('-', '_')}_BINARY")
    if given:
        return Path(given)
    found = subprocess.run(
        [str(_CLUSTER), "binary", name], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return Path(found.strip())
