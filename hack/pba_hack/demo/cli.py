"""`hack/demo`: the command line, and the half that makes the cluster and the images.

The other half (`inside`) runs in the cluster's network, where Services answer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from pba_hack import checkout
from pba_hack.cluster import choice
from pba_hack.demo import inside, keeping
from pba_hack.provision import provision


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hack/demo",
        description="Bring up a cluster, install the operator, apply a PBACluster, and scale it under real traffic. "
        f"A demo that fails keeps in {keeping.FOLDER.name}/ what is needed to find the cause: the logs of the "
        "operator and the nodes, what the cluster held, and each request that failed.",
        epilog=f"The environment variable {choice.VARIABLE} chooses the cluster's provider: see hack/cluster --help.",
    )
    parser.add_argument("--requests", type=int, default=3000, help="at least so many requests (default 3000)")
    parser.add_argument("--namespace", default="demo", help="where the PBACluster goes (default demo)")
    parser.add_argument(
        "--inject-failure", action="store_true", help="send one request that must fail: the demo must notice"
    )
    parser.add_argument("--inside", metavar="IMAGES", help=argparse.SUPPRESS)
    parser.add_argument("--kept", metavar="DIR", type=Path, default=keeping.FOLDER, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run the demo; return the exit status: 0 only if no request failed and the ledger is balanced."""
    arguments = _arguments(argv)
    if arguments.inside:
        wanted = inside.Wanted(
            arguments.requests,
            arguments.namespace,
            inject_failure=arguments.inject_failure,
            kept=arguments.kept,
        )
        return inside.run(json.loads(arguments.inside), wanted)
    started = time.monotonic()
    try:
        keeping.empty(keeping.FOLDER)
    except OSError as error:
        sys.stderr.write(f"hack/demo: what an earlier demo has kept cannot be removed: {error}\n")
        return 1
    status = _outside(argv)
    if status != 0:
        keeping.keep_logs(keeping.FOLDER, checkout.HACK / "cluster")
    sys.stdout.write(
        f"hack/demo: {'done' if status == 0 else 'FAILED'} after {time.monotonic() - started:.0f} s\n"
    )
    return status


def _outside(argv: list[str]) -> int:
    """Bring up the cluster and run the other half in it; return the exit status."""
    try:
        images = provision(["helm"])
    except subprocess.CalledProcessError as error:
        sys.stderr.write(
            f"hack/demo: {Path(error.cmd[0]).name} {error.cmd[1]} failed; its own words are above.\n"
        )
        return 1
    command = checkout.in_cluster(
        sys.executable, str(checkout.HACK / "demo"), *argv, "--inside", json.dumps(images)
    )
    return subprocess.run(command, check=False).returncode
