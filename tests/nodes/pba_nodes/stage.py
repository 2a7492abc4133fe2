"""A PBACluster whose roles stand on machines that the test chose, so that a fault hits the role that it is meant for.

Labels of the nodes say who may stand where; a pod that stands elsewhere is deleted and comes up in its place. With
three machines the database, the management node, a frontend and a backend share the first (`home`); the
second has the other frontend. The other backend and the operator go where a test wants them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pba_api import ports
from pba_hack import conditions
from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Load
from pba_hack.traffic.load import Journey
from pba_hack.traffic.tally import Snapshot
from pba_nodes.faults import Faults, words_of

Json = dict[str, Any]
Address = tuple[str, int]

HOSTNAME = "kubernetes.io/hostname"
MACHINES = 3
CLIENTS = 3
MANY_CLIENTS = 12
"""So many that some are answered where half of all tries wait in vain."""
"""Of one load: two cores carry all machines, and a machine that boots needs its share."""
_FRESH_ANSWERS = 105
"""Fifteen whole visits."""


def placed(role: str, labels: Json) -> Json:
    """Return the `pod` settings of a role: on the machines chosen for it, evenly."""
    return {
        "nodeSelector": {f"chaos/{role}": "here"},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": HOSTNAME,
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": labels},
            }
        ],
    }


def placement(name: str) -> Json:
    """Return what a spec needs for its roles to be placed by the nodes' labels."""
    return {
        role: {"pod": placed(role, {"pba.dev/cluster": name, "pba.dev/component": role})}
        for role in ("database", "management", "backend", "frontend")
    }


def name_of(pod: Json) -> str:
    """Return a pod's name."""
    return str(pod["metadata"]["name"])


def is_ready(pod: Json) -> bool:
    """Tell whether a pod is Ready and stays."""
    return "deletionTimestamp" not in pod["metadata"] and conditions.is_ready(pod)


def _containers(pods: Iterable[Json]) -> set[str]:
    statuses = (status for pod in pods for status in pod["status"].get("containerStatuses") or ())
    return {status["containerID"] for status in statuses if status.get("containerID")}


class Stage:
    """The PBACluster `shop`, the operator, and the machines that they stand on."""

    def __init__(self, shop: Kubectl, operator: Kubectl, faults: Faults) -> None:
        """Take the first three machines; `shop` is where the PBACluster is or will be."""
        self.shop = shop
        self.operator = operator
        self.faults = faults
        self._dead: set[str] = set()
        nodes = sorted(node["metadata"]["name"] for node in Kubectl().items("nodes"))
        assert len(nodes) >= MACHINES, f"three machines are needed; there are {nodes}"
        self.nodes = nodes
        self.home, self.second, self.third = nodes[:MACHINES]

    def label(self, role: str, wanted: Iterable[str]) -> None:
        """Let the pods of a role stand on these machines only."""
        for node in self.nodes:
            mark = f"chaos/{role}=here" if node in wanted else f"chaos/{role}-"
            Kubectl()("label", "node", node, mark, "--overwrite")

    def pods(self, role: str) -> list[Json]:
        """Return the pods of a role that stay."""
        found = self.shop.items("pods", f"pba.dev/cluster=shop,pba.dev/component={role}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, role: str, node: str) -> Json:
        """Return the one pod of a role on a machine."""
        (found,) = [pod for pod in self.pods(role) if pod["spec"].get("nodeName") == node]
        return found

    def management(self) -> str:
        """Return the management node's name: it serves beside the backends."""
        return name_of(self.pod("management", self.home))

    def arrange(self, *, operator: str, backends: tuple[str, str]) -> None:
        """Put the operator and the backends on these machines; return when all are Ready there."""
        self.label("backend", backends)
        for pod in self.pods("backend"):
            if pod["spec"].get("nodeName") not in backends:
                self.shop("delete", "pod", pod["metadata"]["name"], "--wait=false")
        self.pin_operator(operator)

        def in_place() -> bool:
            pods = self.pods("backend")
            return all(map(is_ready, pods)) and sorted(p["spec"]["nodeName"] for p in pods) == sorted(
                backends
            )

        self.await_operator()
        wait_for("the backends to be in place", in_place)
        self.shop.wait_ready("shop")

    def pin_operator(self, node: str | None) -> None:
        """Let the operator move to a machine; None: wherever the scheduler likes."""
        selector = {HOSTNAME: node} if node else None
        patch = {"spec": {"template": {"spec": {"nodeSelector": selector}}}}
        self.operator.merge("deployment", "pba-operator", patch)

    def await_operator(self) -> None:
        """Return when the operator has moved."""
        self.operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")
        wait_for("the former operator to end", lambda: len(self._operators()) == 1)

    def _operators(self) -> list[Json]:
        return self.operator.items("pods", "app.kubernetes.io/name=pba-operator")

    def address(self, pod: Json) -> Address:
        """Return a frontend's own address: no other part of the cluster is between it and its clients."""
        return pod["status"]["podIP"], ports.FRONTEND_HTTP

    def service_address(self) -> Address:
        """Return the clients' one address."""
        service = wait_for("the Service", lambda: self.shop.get("service", "shop"))
        return service["spec"]["clusterIP"], ports.SERVICE_HTTP

    def break_machine(self, fault: str, node: str) -> None:
        """Crash a machine or cut it off; remember what ran on it."""
        everything = [*self.shop.items("pods"), *self._operators()]
        on_it = (pod for pod in everything if pod["spec"].get("nodeName") == node)
        self._dead = _containers(on_it) if fault == "crash" else set()
        self.faults.begin(fault, node)

    def freeze(self, pod: Json, container: str) -> None:
        """Freeze a container."""
        self._dead = set()
        self.faults.begin("freeze", *words_of(pod, container))

    def kill(self, pod: Json, container: str) -> None:
        """Kill a container; return when another one runs in its place."""
        before = _containers([pod])
        self.faults.run("kill", *words_of(pod, container))
        kubectl = Kubectl(pod["metadata"]["namespace"])

        def runs_anew() -> bool:
            found = kubectl.get("pod", name_of(pod))
            return found is not None and is_ready(found) and bool(_containers([found]) - before)

        wait_for(f"{name_of(pod)} to run anew", runs_anew)

    def operator_pod(self) -> Json:
        """Return the operator's pod."""
        (pod,) = self._operators()
        return pod

    def mend(self) -> None:
        """Undo all faults; return when everything runs again, and `shop` is Ready by itself."""
        self.faults.end_all()
        wait_for("everything to run again", self._runs_again, 180)
        self.shop.wait_ready("shop")

    def _runs_again(self) -> bool:
        pods = [*self.shop.items("pods"), *self._operators()]
        # Before its kubelet speaks, the API server still shows the pods of a crashed machine as they were.
        return all(map(is_ready, pods)) and not self._dead & _containers(pods)


def load(address: Address, journey: Journey, clients: int = CLIENTS) -> Load:
    """Return clients of one address; of so many more each pauses for longer, so that they ask for as much."""
    return Load(*address, journey, clients=clients, pause_seconds=0.1 * clients / CLIENTS)


def serve_newcomers(addresses: Iterable[Address], journey: Journey) -> set[str]:
    """See that clients who begin only now get all their answers, at each address.

    Returns:
        The nodes that answered them.

    Raises:
        AssertionError: a request failed.
    """
    nodes: set[str] = set()
    for address in addresses:
        counts = _visited(address, journey)
        assert counts.failed == 0, (address, counts.by_failure)
        nodes |= set(counts.by_node)
    return nodes


def _visited(address: Address, journey: Journey) -> Snapshot:
    with load(address, journey) as fresh:
        wait_for(
            f"answers to new clients of {address}",
            lambda: fresh.tally.snapshot().answered > _FRESH_ANSWERS,
        )
    return fresh.tally.snapshot()


def outcome(clients: Load) -> str:
    """Return in words what became of all requests of some clients."""
    counts = clients.tally.snapshot()
    failures = f" {counts.by_failure}" if counts.failed else ""
    return f"{counts.sent} requests sent, {counts.failed} failed{failures}, longest {counts.longest_seconds:.1f} s"
