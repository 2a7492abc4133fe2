"""The operator's container, as far as it matters here: its command, and what the chart writes into its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from pba_simulation.real import Namespace

from pba_faults.program import AHEAD, NAMES

_SIMULATION: Final = Path(__file__).resolve().parents[1]
_HACK: Final = _SIMULATION.parents[1] / "hack"

COMMAND: Final = (sys.executable, "-m", "pba_faults.program")
"""The operator is that of the interpreter's own environment."""


def environment(
    place: Namespace,
    kubeconfig: Path,
    pod: tuple[str, str],
    port: int,
    *,
    everywhere: bool = False,
    ahead: float = 0.0,
) -> dict[str, str]:
    """Return the environment of an operator.

    Args:
        place: the namespace that it watches, and in which its Lease is.
        kubeconfig: the way to the API server, and as whom.
        pod: the pod's name and UID.
        port: of its probes and metrics.
        everywhere: it watches all namespaces.
        ahead: seconds that its calendar is ahead of the machine's.
    """
    name, uid = pod
    return {
        "KUBECONFIG": str(kubeconfig),
        "PBA_WATCH_NAMESPACES": "" if everywhere else place.name,
        "POD_NAMESPACE": place.name,
        "POD_NAME": name,
        "POD_UID": uid,
        "PBA_SYNC_IMAGE": "sync:1",
        "PBA_HTTP_PORT": str(port),
        NAMES: str(place.mysql.names),
        AHEAD: str(ahead),
        "PYTHONPATH": os.pathsep.join(map(str, (_SIMULATION, _HACK))),
        "PATH": "",
    }
