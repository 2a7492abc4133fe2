"""Is there a Docker engine? It decides between kind and the local cluster, and between Dockerfiles and recipes."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

_ANSWER_SECONDS: Final = 20


def answers() -> bool:
    """Tell whether there is a Docker engine (the client alone is not enough)."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=_ANSWER_SECONDS)
    return asked.returncode == 0
