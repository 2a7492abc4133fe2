"""What a failed demo keeps, for a person to find the cause: logs, what the cluster held, the requests that failed.

What must stay true: keeping comes second. If it fails, it says so, and what has failed before is told all the same.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pba_hack import evidence
from pba_hack.checkout import CHECKOUT
from pba_hack.traffic.tally import Failure

FOLDER: Final = CHECKOUT / "demo-results"
"""Beside test-results, which `hack/test` empties."""
CLUSTER: Final = "cluster"
LOGS: Final = "cluster-logs"
REQUESTS: Final = "failed-requests.jsonl"


def empty(folder: Path) -> None:
    """Take away what an earlier demo has kept: nobody shall take it for this one's.

    Raises:
        OSError: something of it stays.
    """
    if folder.exists():
        shutil.rmtree(folder)


def keep_requests(folder: Path, failures: Sequence[Failure]) -> None:
    """Write the requests that failed, if any, each as a line of JSON."""
    if not failures:
        return
    path = folder / REQUESTS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(asdict(failure))}\n" for failure in failures))
    except OSError as error:
        _tell(f"the requests that failed could not be kept: {error}")
    else:
        _tell(f"the requests that failed are kept in {path}")


def keep_cluster(folder: Path) -> None:
    """Write what the cluster holds now, and print what to read first; needs its network and its KUBECONFIG."""
    place = folder / CLUSTER
    outline = evidence.keep(place)
    _tell(f"the cluster when it failed, in {place}:\n{outline}")


def keep_logs(folder: Path, tool: Path) -> None:
    """Copy the logs of the operator, the nodes and all pods, as `hack/cluster logs` does.

    Args:
        folder: of all that is kept.
        tool: `hack/cluster`.
    """
    place = folder / LOGS
    try:
        done = subprocess.run(
            [str(tool), "logs", str(place)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            check=False,
        )
    except OSError as error:
        _tell(f"the logs could not be kept: {error}")
        return
    if done.returncode != 0:
        _tell(f"the logs could not be kept: {done.stderr.strip()}")
    else:
        _tell(f"the logs are kept in {place}")


def _tell(text: str) -> None:
    sys.stdout.flush()  # what was told before stands before it, also in a file
    sys.stderr.write(f"hack/demo: {text}\n")
    sys.stderr.flush()
