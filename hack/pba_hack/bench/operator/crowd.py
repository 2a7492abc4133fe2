"""Many PBAClusters on simulated nodes, all Ready: what the cases of many measure an operator with.

Making a thousand takes ten minutes, so it is done once for each state of the operator: etcd's data are kept in the
cache, and each trial begins with a copy of them. MySQL is a stand-in (`pba_standin`), whose databases are empty when a
trial begins: the first operator makes their schemas and accounts.

Every other PBACluster refers to objects of its user's: a password, a template, and what volumes hold. What is theirs is
not watched, so the operator looks at it again and again.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pba_faults.replica import Replica
from pba_simulation.real import Namespace, Object, pbacluster
from pba_standin.pods import LivePods, through
from pba_standin.standin import StandIn

from pba_hack import cache, crd
from pba_hack.apiserver import ApiServer
from pba_hack.bench.case import Trial
from pba_hack.bench.operator.stage import FULL, Stage
from pba_hack.binaries import binary
from pba_hack.checkout import CHECKOUT
from pba_hack.conditions import is_ready
from pba_hack.simulated.cluster import running
from pba_hack.waiting import wait_for
from pba_operator.kube import kinds

NUMBER: Final = 1000
NAMESPACES: Final = 10
HALF_REFER: Final = "half of the PBAClusters refer to a Secret and a ConfigMap of their user's"
"""For the notes of what is measured with them."""
HOME: Final = "pba-system"
"""Where the operator lives."""
_MAKING_SECONDS: Final = 3600.0
_SEEN_SECONDS: Final = 600.0
_POLL: Final = 5.0
_QUIET: Final = 10
"""Writes in one poll: the operator's Lease, and the API server's own."""
_THREADS: Final = 4
_DATA: Final = "etcd"
_WELL: Final = ("unchanged", "changed")
"""How a look at a settled PBACluster ends: after a start MySQL is asked once, which counts as a change."""


@dataclass(frozen=True)
class Crowd:
    """A server with so many PBAClusters in it."""

    stage: Stage
    number: int
    folder: Path

    @property
    def server(self) -> ApiServer:
        """The API server."""
        return self.stage.server

    def place(self, index: int) -> tuple[Namespace, str]:
        """Return where a PBACluster is, and its name."""
        return self.stage.existing(f"crowd-{index % NAMESPACES}"), f"shop-{index}"

    @contextlib.contextmanager
    def operator(self, name: str) -> Iterator[Replica]:
        """Run an operator of all namespaces until the block ends; its account is of this name."""
        replica = Replica(self.stage.existing(HOME), name, self.folder, everywhere=True)
        try:
            replica.start()
            yield replica
            replica.stop()
            replica.wait()
        finally:
            replica.end()

    def await_seen(self, operator: Replica) -> None:
        """Return when an operator holds the Lease, and has looked at every PBACluster, with none left to look at."""

        def seen() -> bool:
            told = operator.metrics()
            looked = sum(told.get(f'pba_operator_reconcile_total{{result="{how}"}}', 0.0) for how in _WELL)
            idle = not told["pba_operator_queue_depth"]
            return bool(told["pba_operator_leader"]) and looked >= self.number and idle

        wait_for(f"{self.number} PBAClusters to be seen as settled", seen, _SEEN_SECONDS, poll_seconds=0.1)

    def ready(self) -> int:
        """Return how many PBAClusters are Ready."""
        items = self.server.request("GET", kinds.CLUSTER.path()).body["items"]
        return sum(map(is_ready, items))


@contextlib.contextmanager
def crowd(trial: Trial, number: int) -> Iterator[Crowd]:
    """Have that many PBAClusters, all Ready and with no operator, until the block ends."""
    sources = cache.files_under(CHECKOUT / "operator", CHECKOUT / "crds", Path(__file__))
    key = f"{number}-{cache.content_key(str(FULL), files=sources)}"

    def make(scratch: Path) -> None:
        with trial.progress.step(f"{number} PBAClusters", announce=True):
            _make(scratch, number)

    made = cache.kept("crowds", key, make)
    folder = trial.folder / "crowd"
    folder.mkdir()
    shutil.copytree(made / _DATA, folder / _DATA)
    with (
        running(binary("kubernetes"), binary("kwok"), folder, volumes=0) as server,
        # No pod changes any more: a look at it before each connection would only be a load of the bench's own.
        StandIn(LivePods(functools.cache(through(server)))) as mysql,
    ):
        crd.install(server)  # which is there, and served in a moment
        yield Crowd(Stage(server, mysql), number, folder)


def _make(folder: Path, number: int) -> None:
    with (
        running(binary("kubernetes"), binary("kwok"), folder, volumes=number) as server,
        StandIn(LivePods(through(server))) as mysql,
    ):
        crd.install(server)
        made = Crowd(Stage(server, mysql), number, folder)
        for name in (HOME, *(f"crowd-{index}" for index in range(NAMESPACES))):
            made.stage.namespace(name)
        with made.operator("maker"):
            _create(made)
            wait_for(
                f"{number} PBAClusters to be Ready",
                lambda: made.ready() == number,
                _MAKING_SECONDS,
                poll_seconds=_POLL,
            )
            wait_for("the controllers to come to rest", _rests(made), _MAKING_SECONDS, poll_seconds=_POLL)


def _create(made: Crowd) -> None:
    def create(index: int) -> None:
        place, name = made.place(index)
        for manifest in _manifests(name, refers=bool(index % 2)):
            place.create(manifest)

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(create, range(made.number)))


def _manifests(name: str, *, refers: bool) -> Sequence[Object]:
    """Return a PBACluster with all parts, after what it refers to."""
    if not refers:
        return ({**pbacluster(**FULL), "metadata": {"name": name}},)
    whole = pbacluster(**FULL)
    whole["spec"]["application"] |= {
        "configFiles": [
            {"path": "/etc/app/db.conf", "templateRef": {"name": f"{name}-files", "key": "db.conf"}}
        ],
        "volumes": [
            {"name": "pages", "configMap": {"name": f"{name}-files"}},
            {"name": "key", "secret": {"secretName": f"{name}-own"}},
        ],
        "volumeMounts": [{"name": "pages", "mountPath": "/pages"}, {"name": "key", "mountPath": "/key"}],
    }
    whole["spec"]["database"]["user"] = {"passwordSecretRef": {"name": f"{name}-own", "key": "password"}}
    return (
        _data("Secret", f"{name}-own", stringData={"password": f"of {name}"}),
        _data("ConfigMap", f"{name}-files", data={"db.conf": "host=${host}\n", "page": "closed"}),
        {**whole, "metadata": {"name": name}},
    )


def _data(kind: str, name: str, **content: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **content}


def _rests(made: Crowd) -> Callable[[], bool]:
    """Return a question whether next to nothing was written since it was asked last."""
    last = 0

    def rests() -> bool:
        nonlocal last
        listed = made.server.request("GET", kinds.CLUSTER.path(), limit="1").body
        before, last = last, int(listed["metadata"]["resourceVersion"])
        return last - before <= _QUIET

    return rests
