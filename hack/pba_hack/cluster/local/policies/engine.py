"""Keeps every node's rules as the API server's NetworkPolicies, pods and namespaces want them.

One process in the hub, which enters each node's network; elsewhere an agent on each node does it. Rules are replaced
within moments of a change. They are the kernel's: should this end, the last ones stand, and what is new stays closed.
"""

import sys
import threading
import time
from collections.abc import Sequence

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.api import Api
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.follow import Follower
from pba_hack.cluster.local.layout import Layout, node_number
from pba_hack.cluster.local.policies import enforcement, kernel
from pba_hack.cluster.local.policies.attachments import Reader
from pba_hack.cluster.local.policies.enforcement import Record
from pba_hack.cluster.local.policies.known import Known
from pba_hack.cluster.local.policies.processes import Processes
from pba_hack.cluster.local.policies.ruleset import ruleset
from pba_hack.cluster.local.policies.world import World

__all__ = ["Engine", "look", "main"]

_PERIOD_SECONDS = 1.0
"""How often it looks when nothing is told: a node that was started tells nothing."""
_TICK_SECONDS = 0.05
"""How often it sees whether a pod was connected: until it has, that pod cannot speak."""
_GATHER_SECONDS = 0.02
"""What is told within this time of a first change is one change: pods' states change often, rules seldom."""
_FOLLOWED = ("/api/v1/pods", "/api/v1/namespaces", "/apis/networking.k8s.io/v1/networkpolicies")
"""In the order in which `Known.learn` takes them."""


class Engine:
    """The rules of the nodes of one cluster."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._processes = Processes(Groups(layout.cgroup))
        self._readers: dict[str, Reader] = {}
        self._world: World | None = None
        self._texts: dict[str, str] = {}
        self._applied: dict[str, tuple[int, str]] = {}
        self._told: Record | None = None

    def is_behind(self) -> bool:
        """Tell whether a pod has been connected or disconnected since the last look."""
        return any(reader.is_behind() for reader in self._readers.values())

    def enforce(self, known: Known) -> str:
        """Make the rules of all nodes that run so; nothing happens where they are.

        Returns:
            What has hindered it on some node, whose last rules stand; empty if nothing has.
        """
        for folder in self._layout.folder.glob("node*"):
            self._meet(folder.name)
        world = known.world([item for reader in self._readers.values() for item in reader.read()])
        if world != self._world or self._texts.keys() != self._readers.keys():
            networks = {name: addresses.pod_network(node_number(name)) for name in sorted(self._readers)}
            self._texts = {name: ruleset(world, name, network) for name, network in networks.items()}
            self._world = world
        troubles = []
        for name, text in self._texts.items():
            try:
                self._apply(name, text)
            except (OSError, ClusterError) as error:
                troubles.append(f"{name}: {error}")
        return "; ".join(troubles)

    def tell(self, trouble: str) -> None:
        """Write down how it stands."""
        now = Record({name: network for name, (network, _) in self._applied.items()}, trouble)
        if trouble and (self._told is None or self._told.trouble != trouble):
            print(trouble, flush=True)
        enforcement.write(self._layout.network_policies, now, self._told)
        self._told = now

    def _meet(self, name: str) -> None:
        """Follow what is connected on a node that is new to us."""
        if name in self._readers:
            return
        folder = self._layout.node(node_number(name)) / "cni" / "results"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._readers[name] = Reader(name, folder)

    def _apply(self, name: str, text: str) -> None:
        process = self._processes.first(name)
        if process is None:
            self._applied.pop(name, None)
            return
        wanted = (kernel.network_of(process), text)
        if self._applied.get(name) != wanted:
            kernel.apply(process, text)
            self._applied[name] = wanted
            print(f"{name}: rules replaced", flush=True)


def look(engine: Engine, known: Known, followers: Sequence[Follower]) -> None:
    """Enforce what is known now, and tell how it stands; an error keeps what was, until the next look.

    Args:
        engine: the rules.
        known: brought up to date, if all is followed.
        followers: of pods, namespaces and policies.
    """
    trouble = ""
    if all(follower.is_current for follower in followers):
        known.learn(*(list(follower.objects.values()) for follower in followers))
    else:
        trouble = "the API server is not followed"
    if known.is_whole:
        try:
            trouble = engine.enforce(known) or trouble
        except (OSError, ValueError) as error:
            trouble = str(error)
    engine.tell(trouble)


def main(name: str) -> None:
    """Enforce the policies of a cluster for ever.

    Args:
        name: the cluster's.
    """
    layout, changed, known = Layout(name), threading.Event(), Known()
    api = Api(layout.pki, "network-policies")
    followers = [Follower(api, path, changed) for path in _FOLLOWED]
    for follower in followers:
        follower.start()
    engine, looked = Engine(layout), 0.0
    while True:
        is_told = changed.wait(_TICK_SECONDS)
        if is_told or engine.is_behind() or time.monotonic() - looked > _PERIOD_SECONDS:
            time.sleep(_GATHER_SECONDS)
            changed.clear()
            look(engine, known, followers)
            looked = time.monotonic()


if __name__ == "__main__":
    main(sys.argv[1])
