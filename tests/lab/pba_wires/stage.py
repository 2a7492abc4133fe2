"""A hub, two nodes and pods, connected as `hack/cluster` connects them; namespaces that end with their holders."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pba_hack.cluster.local import addresses, network
from pba_hack.cluster.local.namespaces import in_network_of
from pba_hack.cluster.local.policies import kernel
from pba_hack.cluster.local.policies.ruleset import ruleset
from pba_hack.cluster.local.policies.world import Pod, World
from pba_hack.waiting import wait_for

_OURS = Path("/proc/self/ns/net")
_START_SECONDS = 20
SILENCE_SECONDS = 0.3
"""How long a try lasts that must come to nothing."""


@dataclass
class Wires:
    """The namespaces, each by the process that holds it."""

    hub: int
    nodes: Mapping[str, int]
    """By name, the process that holds its network."""
    numbers: Mapping[str, int]
    """By name."""
    pods: dict[str, int] = field(default_factory=dict)
    """By `namespace/name`."""

    def enforce(self, world: World) -> None:
        """Give every node the rules of a world."""
        for node, process in self.nodes.items():
            kernel.apply(process, ruleset(world, node, addresses.pod_network(self.numbers[node])))

    def udp(self, process: int, address: tuple[str, int] = ("0.0.0.0", 0)) -> socket.socket:  # noqa: S104
        """Return a bound socket in a namespace; it stays there."""
        with in_network_of(process):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(address)
        return made

    def listener(self, process: int, port: int) -> socket.socket:
        """Return a listening socket in a namespace."""
        with in_network_of(process):
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", port))
        made.listen(256)
        return made

    def connects(self, process: int, target: str, port: int, *, seconds: float = 5) -> socket.socket | None:
        """Return a connection from a namespace; None when there is no answer.

        Raises:
            ConnectionRefusedError: the answer is no.
        """
        with contextlib.ExitStack() as unless_connected:
            with in_network_of(process):
                made = unless_connected.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            made.settimeout(seconds)
            try:
                made.connect((target, port))
            except TimeoutError:
                return None
            unless_connected.pop_all()
        return made

    def answers(self, process: int, target: str, port: int = 80) -> bool:
        """Tell whether a server answers; one that must not is not waited for for long."""
        connection = self.connects(process, target, port, seconds=SILENCE_SECONDS)
        if connection:
            connection.close()
        return connection is not None


@contextlib.contextmanager
def wires(numbers: Mapping[str, int]) -> Iterator[Wires]:
    """Make a hub and nodes; all of it ends with the context.

    Args:
        numbers: of the nodes, by name.
    """
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(_held())
        network.make_bridge(hub)
        nodes = {node: stack.enter_context(_held()) for node in numbers}
        made = Wires(hub, nodes, numbers)
        for node, process in nodes.items():
            network.connect_node(hub, process, numbers[node])
        yield made


@contextlib.contextmanager
def connected(made: Wires, pod: Pod, number: int = 0) -> Iterator[int]:
    """Connect a pod as the CNI plugin `ptp` does: a link, and the node as its gateway.

    Args:
        made: the wires.
        pod: what to connect.
        number: of its node; by its name if left out.

    Yields:
        The process that holds its network.
    """
    gateway = f"10.244.{number or made.numbers[pod.node]}.1"
    with _held() as process:
        _ip(
            made.nodes[pod.node],
            f"link add {pod.interface} type veth peer name eth0 netns {process}",
            f"address add {gateway}/32 dev {pod.interface}",
            f"link set {pod.interface} up",
            f"route add {pod.address}/32 dev {pod.interface}",
        )
        _ip(
            process,
            "link set lo up",
            f"address add {pod.address}/32 dev eth0",
            "link set eth0 up",
            f"route add {gateway} dev eth0 scope link",
            f"route add default via {gateway} src {pod.address}",
        )
        made.pods[f"{pod.namespace}/{pod.name}"] = process
        yield process


def run(process: int, *command: str, text: str = "") -> str:
    """Run a command in a namespace; returns what it prints."""
    with in_network_of(process):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stderr}")
    return done.stdout


def _ip(process: int, *lines: str) -> None:
    run(process, "ip", "-batch", "-", text="\n".join(lines) + "\n")


@contextlib.contextmanager
def _held() -> Iterator[int]:
    """Make a namespace; it lasts as long as the process that holds it."""
    with subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE) as holder:
        ours = _OURS.readlink()
        try:
            wait_for(
                "a network of its own",
                lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != ours,
                _START_SECONDS,
                poll_seconds=0.005,
            )
            yield holder.pid
        finally:
            holder.kill()
