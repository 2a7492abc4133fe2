"""Is there a Docker engine? `pba_hack.cluster.choice` says what depends on it."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

_ANSWER_SECONDS: Final = 20


def answers() -> bool:
    """Tell whether there is a Docker engine (the client alone is not enough); one that hangs does not answer."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(
            ["docker", "info"],
            # Not into pipes: a child of a client that was killed would hold them open, and we would wait for it.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=_ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0
