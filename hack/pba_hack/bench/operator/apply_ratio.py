"""`apply-ratio`: from `kubectl apply` of a PBACluster to Ready, beside its final objects applied by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.samples import Round, SideBySide
from pba_hack.checkout import in_cluster
from pba_hack.provision import provision

ROUNDS: Final = 5
_INSIDE: Final = "pba_hack.bench.operator.apply_inside"


def measure(trial: Trial) -> Measured:
    """Measure on the local cluster, with the images of this checkout on its nodes.

    Raises:
        CalledProcessError: a step failed; it has told why.
    """
    images = provision(["helm"])
    found = trial.folder / "rounds.json"
    rounds = 1 if trial.short else ROUNDS
    orders = (json.dumps(images), str(rounds), str(trial.seed), str(found))
    subprocess.run(in_cluster(sys.executable, "-m", _INSIDE, *orders), check=True)
    samples = SideBySide([Round(**one) for one in json.loads(found.read_text())])
    return Measured(samples, notes=("the floor is in seconds of the machine named, images on the nodes",))


CASE = Case(
    id="apply-ratio",
    unit="ratio",
    reach="<= 1.15",
    measures="`kubectl apply` of a PBACluster to Ready / its final objects applied by hand, to ready",
    measure=measure,
)
