"""Where cases on nodes are measured: the PBACluster and its peer, both asked while something happens to the nodes.

A case is measured by `outside.on_cluster`, of a module with `perform`, which is called in the cluster's network with a
`Stage`, and returns what it found.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pba_api import ports
from pba_hack import conditions
from pba_hack.bench.balancer.load import Load
from pba_hack.bench.balancer.nodes.cluster import (
    HOME,
    NAME,
    NAMESPACE,
    PLAIN,
    Wanted,
    pbacluster,
    plain_service,
)
from pba_hack.bench.balancer.nodes.counting import Books, Moment, Retries, books, by_complaint, retries
from pba_hack.bench.balancer.nodes.outside import Found, Orders
from pba_hack.bench.balancer.nodes.programs import Kind, Tally, asking
from pba_hack.bench.statistics import median
from pba_hack.cluster.local.addresses import KUBERNETES_SERVICE
from pba_hack.helm import OPERATOR_NAMESPACE, install_operator
from pba_hack.kubectl import Kubectl, restricted_namespace, wait_for
from pba_hack.process_usage import idle_share
from pba_hack.progress import Progress
from pba_hack.traffic.address import clients_address
from pba_hack.waiting import WaitedInVainError

Json = dict[str, Any]

PROJECT: Final = "the frontend"
RATE: Final = 300.0
"""Requests a second, of each of the two."""
SHORT_RATE: Final = 100.0
REPEATS: Final = 5
QUIET_SECONDS: Final = 5.0
"""Before anything happens: what fails then fails by itself."""
AFTER_SECONDS: Final = 5.0
USERS: Final = 301
"""Who keep cookies where these bind them; as no factor of 100, each comes with new connections, too."""
HOMES: Final = 2
"""So many machines hold what is not to crash."""
_NUMBERS: Final = 400_000
"""Of one load's requests at most."""
_METRICS_SECONDS: Final = 2.0
_COUNTED_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Seen:
    """What became of one load while something happened.

    Attributes:
        load: all requests.
        happened: when, by the load's own clock.
        books: of requests and executions.
        retried: so many requests frontends have sent to a second node.
    """

    load: Load
    happened: Moment
    books: Books
    retried: int

    @property
    def quiet(self) -> list[bool]:
        """Whether each of the requests failed that were due before it happened."""
        return [one.failed for one in self.load.sent if one.due < self.happened.earliest]


class Stage:
    """The PBACluster, its peer, and clients of both."""

    def __init__(self, orders: Orders, tally: Tally) -> None:
        """Begin with a cluster that holds the images, and nothing else."""
        self.orders = orders
        self.kubectl = restricted_namespace(NAMESPACE)
        self.say = Progress().say
        self._tally = tally
        self.spare = ""
        """A machine that holds backends alone, and that no client's way to a Service leads over."""
        self._targets: dict[str, str] = {}
        self._loads = 0
        self._notes: list[str] = []
        self._idle: list[float] = []
        self._quiet: dict[str, list[bool]] = {}
        self.retries = Retries()

    def set_up(self, wanted: Wanted) -> None:
        """Make the PBACluster and the Service; return when both lead to all nodes."""
        first = self.gateway()
        others = sorted(node["metadata"]["name"] for node in Kubectl().items("nodes"))
        others.remove(first)
        for node in (first, *others[: HOMES - 1]):
            Kubectl()("label", "node", node, f"{HOME}=here", "--overwrite")
        self.spare = others[HOMES - 1]
        install_operator(self.orders.images)
        home = {"spec": {"template": {"spec": {"nodeSelector": {HOME: "here"}}}}}
        operator = Kubectl(OPERATOR_NAMESPACE)
        operator.merge("deployment", "pba-operator", home)
        operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")
        peer, images = wanted.peer, self.orders.images
        self.kubectl.apply(pbacluster(images, wanted), plain_service(), *peer.manifests(images))
        self.await_backends(wanted.backends)
        if peer.deployment:
            self.kubectl("rollout", "status", f"deployment/{peer.deployment}", "--timeout=90s")
        for name, service in ((PROJECT, NAME), (peer.name, peer.service)):
            self._targets[name] = f"{clients_address(self.kubectl, service)}:{ports.SERVICE_HTTP}"

    def gateway(self) -> str:
        """Return the machine whose kube-proxy stands for the clients': they are outside of all of them."""
        command = ["ip", "-json", "route", "get", KUBERNETES_SERVICE]
        (route,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return machine_of(route["gateway"], Kubectl().items("nodes"))

    def await_backends(self, count: int) -> None:
        """Return when the PBACluster is Ready with so many backends, and no other pod of them is left."""
        wait_for(f"{count} backends", lambda: self._serving(count), 240)
        self.kubectl.wait_ready(NAME)

    def _serving(self, count: int) -> bool:
        pods = self.pods("backend")
        slices = self.kubectl.items("endpointslices", f"kubernetes.io/service-name={PLAIN}")
        ready = [
            end for one in slices for end in one.get("endpoints") or () if end["conditions"].get("ready")
        ]
        return len(pods) == len(ready) == count and all(map(conditions.is_ready, pods))

    def pods(self, part: str) -> list[Json]:
        """Return the pods of a part, also those that end."""
        return self.kubectl.items("pods", f"pba.dev/cluster={NAME},pba.dev/component={part}")

    def note(self, text: str) -> None:
        """Tell something, and keep it for the record."""
        self.say(text)
        self._notes.append(text)

    def look_at_retries(self) -> bool:
        """Ask the sidecars that are there for their count; return whether all tell. One that goes takes its along."""
        pods = [pod for pod in self.pods("frontend") if pod["status"].get("podIP")]
        told = {pod["metadata"]["name"]: _metrics(pod) for pod in pods}
        self.retries.see(told)
        return bool(told) and all(retries(text) is not None for text in told.values())

    def _begin_to_count(self) -> bool:
        self.retries = Retries()
        return self.look_at_retries()

    def repeated(
        self,
        happen: Callable[[], Moment],
        figure: Callable[[Seen], float],
        tell: Callable[[Seen], str] = lambda _seen: "",
        *,
        after_seconds: float = AFTER_SECONDS,
        users: int = 0,
        mend: Callable[[], None] = lambda: None,
    ) -> Found:
        """Let something happen while both are asked, again and again; return what is told of it.

        Args:
            happen: does it, and returns when it was, as `time.time` counts.
            figure: is what is wanted of it.
            tell: says what else is to be known of it.
            after_seconds: for so long both are asked afterwards.
            users: so many users keep their cookies.
            mend: undoes it before it happens again; nobody asks then.
        """
        figures: dict[str, list[float]] = {name: [] for name in self._targets}
        repeats = 1 if self.orders.short else REPEATS
        for repeat in range(repeats):
            if repeat:
                mend()
            for name, seen in self._together(happen, after_seconds, users).items():
                figures[name].append(figure(seen))
                self._quiet.setdefault(name, []).extend(seen.quiet)
                self.note(f"{repeat + 1}: {name}: {figures[name][-1]:.4g}; {tell(seen)}{_told(seen)}")
        notes = [
            *self._notes,
            f"before anything happened failed: {'; '.join(self._failed_before())}",
            f"watched for {after_seconds:g} s afterwards: what would take longer is told as so long",
            f"idle meanwhile: {min(self._idle):.0%} of the machine at least",
        ]
        peers = {name: median(of) for name, of in figures.items() if name != PROJECT}
        return {"figures": figures[PROJECT], "peers": peers, "notes": notes}

    def _failed_before(self) -> Iterator[str]:
        """Yield how many requests failed of each that was asked, while nothing happened: by themselves."""
        for name, failed in self._quiet.items():
            yield f"{name}: {sum(failed)} of {len(failed):,}"

    def _together(self, happen: Callable[[], Moment], after_seconds: float, users: int) -> Mapping[str, Seen]:
        """Ask both while something happens."""
        kind = Kind(SHORT_RATE if self.orders.short else RATE, users=users)
        wait_for("the sidecars to tell of retries", self._begin_to_count, _COUNTED_SECONDS)
        with ExitStack() as stack, idle_share() as idle:
            clients = {
                name: stack.enter_context(asking(target, self._records(name), kind, self._numbers()))
                for name, target in self._targets.items()
            }
            time.sleep(QUIET_SECONDS)
            moment = happen()
            time.sleep(after_seconds)
            loads = {name: one.end() for name, one in clients.items()}
        self._idle.append(idle())
        wait_for("the sidecars to tell of retries", self.look_at_retries, _COUNTED_SECONDS)
        executed = self._executed(loads)

        def seen(name: str) -> Seen:
            began, load = clients[name].began, loads[name]
            happened = Moment(moment.earliest - began, moment.latest - began)
            retried = self.retries.spent if name == PROJECT else 0
            return Seen(load, happened, books(load, executed), retried)

        return {name: seen(name) for name in loads}

    def _numbers(self) -> int:
        """Return the first number of the next load."""
        self._loads += 1
        return (self._loads - 1) * _NUMBERS

    def _records(self, name: str) -> Path:
        return Path(self.orders.folder) / f"records-{name.replace(' ', '-')}-{self._loads}.csv"

    def _executed(self, loads: Mapping[str, Load]) -> bytes:
        """Return what was executed, once the tally has read all that nodes have told it; nothing is told later."""

        def whole() -> bool:
            executed = self._tally.executions()
            return not any(books(load, executed).not_executed for load in loads.values())

        try:
            wait_for("the tally", whole, _COUNTED_SECONDS)
        except WaitedInVainError:
            self.say("some of what was answered was never told to the tally")
        return self._tally.executions()


def machine_of(address: str, nodes: Sequence[Json]) -> str:
    """Return the name of the machine with an address.

    Raises:
        ValueError: none has it.
    """
    for node in nodes:
        if any(one["address"] == address for one in node["status"]["addresses"]):
            return str(node["metadata"]["name"])
    raise ValueError(f"no machine has the address {address}")


def _told(seen: Seen) -> str:
    failed = by_complaint(one for one in seen.load.sent if one.failed)
    longest = max(one.took for one in seen.load.sent)
    return f"{seen.books}; sent to a second node: {seen.retried}; failed: {failed}; the longest took {longest:.2f} s"


def _metrics(frontend: Json) -> str:
    """Return a sidecar's metrics; nothing if it has gone meanwhile."""
    url = f"http://{frontend['status']['podIP']}:{ports.SYNC_HTTP}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=_METRICS_SECONDS) as answer:
            found: str = answer.read().decode()
    except OSError:
        return ""
    return found
