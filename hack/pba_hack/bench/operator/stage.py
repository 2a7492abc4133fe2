"""What cases of the operator measure with: an API server without nodes, PBAClusters in it, and operators as processes.

What Kubernetes' controllers and nodes would do, `pba_simulation.real.Hands` does; MySQL is a stand-in
(`pba_standin`). So what is measured is the operator and the API server, and nothing of theirs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pba_faults.replica import Replica
from pba_simulation.real import Hands, Namespace, eventually, pbacluster
from pba_standin.pods import LivePods, through
from pba_standin.standin import StandIn

from pba_hack import crd
from pba_hack.apiserver import ApiServer, running
from pba_hack.bench.case import Trial
from pba_hack.binaries import binary

FULL: Final = {"backend": {"replicas": 2}, "frontend": {"image": "haproxy:3"}}
"""A spec with all parts."""
_SETTLED_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Stage:
    """An API server that serves PBAClusters, and the MySQL of their members."""

    server: ApiServer
    mysql: StandIn

    def namespace(self, name: str) -> Namespace:
        """Make a namespace."""
        made = self.server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        if not made.ok:
            raise RuntimeError(made.data.decode())
        return self.existing(name)

    def existing(self, name: str) -> Namespace:
        """Return a namespace that was made before."""
        return Namespace(self.server, name, self.mysql)


@contextlib.contextmanager
def stage(trial: Trial) -> Iterator[Stage]:
    """Run an API server until the block ends; its files are in the trial's folder."""
    folder = trial.folder / "apiserver"
    folder.mkdir()
    with running(binary("kubernetes"), folder) as server, StandIn(LivePods(through(server))) as mysql:
        crd.install(server)
        yield Stage(server, mysql)


@contextlib.contextmanager
def replicas(place: Namespace, trial: Trial, *names: str) -> Iterator[tuple[Replica, ...]]:
    """Run operators until the block ends; the first of them holds the Lease."""
    made = tuple(Replica(place, name, trial.folder) for name in names)
    try:
        for replica in made:
            replica.start()
            eventually(lambda: made[0].holds, f"{names[0]} holds the Lease")
        yield made
    finally:
        for replica in made:
            replica.end()


def settle(place: Namespace, *names: str) -> None:
    """Make PBAClusters with all parts, and let nodes and controllers work until all are ready."""
    hands = Hands(place)
    for name in names:
        whole = pbacluster(**FULL)
        place.create({**whole, "metadata": {"name": name}})

    def settled() -> bool:
        hands.work()
        return all(place.is_ready(name) for name in names)

    eventually(settled, f"{len(names)} PBAClusters are ready", _SETTLED_SECONDS)
