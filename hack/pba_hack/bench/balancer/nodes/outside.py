"""The half that makes the bench's own cluster, and takes it down; `inside` is run in its network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pba_hack.bench.case import Measured, Trial
from pba_hack.bench.samples import Values
from pba_hack.binaries import binary
from pba_hack.checkout import CHECKOUT, HACK, in_cluster
from pba_hack.cluster import choice
from pba_hack.provision import provision

IMAGES: Final = ("operator", "sync", "mysql", "haproxy", "loadlab")
LOGS: Final = "cluster-logs"
NAME: Final = f"bench-{hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:6]}"
"""Of the cluster: no other checkout's, and not this one's other cluster, which somebody may be at work with."""

Found = Mapping[str, Any]
"""What was found, as JSON; `notes` are words."""


@dataclass(frozen=True)
class Orders:
    """What the half inside is to do; paths as text, so that it can be JSON.

    Attributes:
        module: of the case; its `perform` is given the stage.
        case: its id.
        short: only show that it runs.
        seed: of what is by chance.
        folder: for logs, and for what is found.
        images: references by name.
    """

    module: str
    case: str
    short: bool
    seed: int
    folder: str
    images: Mapping[str, str]


def on_cluster(module: str, case: str, trial: Trial) -> Measured:
    """Measure on a cluster of the bench's own, where a module's `perform` does its part.

    Args:
        module: of the case.
        case: its id.
        trial: what it is measured with.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    # Machines crash, which only the local cluster can do.
    environment = {**os.environ, "PBA_CLUSTER": NAME, choice.VARIABLE: "local"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    binary("loadlab")
    try:
        images = provision(["helm"], environment, IMAGES)
        orders = Orders(module, case, trial.short, trial.seed, str(trial.folder), images)
        inside = (sys.executable, "-m", "pba_hack.bench.balancer.nodes.inside", json.dumps(vars(orders)))
        subprocess.run(in_cluster(*inside), env=environment, check=True)
    except subprocess.CalledProcessError:
        _cluster("logs", str(trial.folder / LOGS), environment=environment)
        raise
    finally:
        _cluster("down", environment=environment)
    found = json.loads((Path(trial.folder) / "found.json").read_text())
    return Measured(Values(found["figures"], peers=found["peers"]), tuple(found["notes"]))


def _cluster(*words: str, environment: Mapping[str, str]) -> None:
    command = [str(HACK / "cluster"), *words]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
