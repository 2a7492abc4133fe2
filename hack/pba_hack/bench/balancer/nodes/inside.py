"""The half in the cluster's network: has the case do its part, and writes what was found into `found.json`."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pba_hack.bench.balancer.nodes.cluster import TALLY
from pba_hack.bench.balancer.nodes.outside import Orders
from pba_hack.bench.balancer.nodes.programs import counting
from pba_hack.bench.balancer.nodes.stage import Stage


def main(argv: Sequence[str]) -> None:
    """Do as ordered."""
    orders = Orders(**json.loads(argv[0]))
    folder = Path(orders.folder)
    with counting(TALLY, folder / "executed") as tally:
        found = importlib.import_module(orders.module).perform(Stage(orders, tally))
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
