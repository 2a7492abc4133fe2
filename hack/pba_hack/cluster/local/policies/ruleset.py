"""Writes a node's rules for nftables: the content of one table, which is always replaced as a whole.

The rules are at the node's forward hook, after kube-proxy has translated addresses and before it masquerades: they
see a pod's own address and port, and the peer's, also behind a Service. What the node itself sends to its pods and gets
from them never passes that hook, so the kubelet's probes always reach them.

Closed until known: what comes from an interface or address that no pod is known by, or goes to an address of this
node's pods that is nobody's, is dropped. So a new pod is isolated before its first container starts, and what
a node begins with, rules of no pods, lets nothing through.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pba_hack.cluster.local.policies.meaning import DIRECTIONS, Direction, Rule, affects, rules, selects
from pba_hack.cluster.local.policies.world import Pod, World

__all__ = ["NOTHING", "UPLINK", "ruleset"]

UPLINK = "eth0"
"""The interface by which a node reaches everything but its own pods."""
NOTHING = World((), {}, ())
_COMMENT_BYTES = 120
"""nftables takes at most 128."""


def ruleset(world: World, node: str, pod_network: str, uplink: str = UPLINK) -> str:
    """Return the content of a node's table, as `nft -f` reads it.

    Args:
        world: all pods, also those of other nodes, and all policies.
        node: its name, as the pods have it.
        pod_network: the addresses of its pods.
        uplink: its interface to everything else.
    """
    ours = sorted((pod for pod in world.pods if pod.node == node), key=_numerically)
    chains = _Chains(world)
    verdicts = {direction: chains.add(direction, ours) for direction in DIRECTIONS}
    addresses = [pod.address for pod in ours]
    return "\n".join(
        [
            *_set(
                "set attached", "ifname . ipv4_addr", [f'"{pod.interface}" . {pod.address}' for pod in ours]
            ),
            *_set("set pods", "ipv4_addr", addresses),
            *_set(
                "set themselves", "ipv4_addr . ipv4_addr", [f"{address} . {address}" for address in addresses]
            ),
            *chains.sets,
            *chains.lines,
            *_set("map egress", "ipv4_addr : verdict", verdicts["Egress"]),
            *_set("map ingress", "ipv4_addr : verdict", verdicts["Ingress"]),
            "\tchain forward {",
            # After kube-proxy's, which refuses at once what a Service without endpoints is asked for.
            "\t\ttype filter hook forward priority filter + 10; policy accept;",
            "\t\tmeta nfproto ipv6 drop",
            f'\t\tiifname != "{uplink}" iifname . ip saddr != @attached drop',
            "\t\tct state established,related accept",
            f"\t\tip daddr {pod_network} ip daddr != @pods drop",
            # By a Service, a pod may meet itself.
            "\t\tip saddr . ip daddr @themselves accept",
            "\t\tip saddr vmap @egress",
            "\t\tip daddr vmap @ingress",
            "\t}",
            "",
        ]
    )


class _Chains:
    """The chains of isolated pods, one for all pods that the same policies select, and the sets that they use.

    A chain returns what is allowed, and drops the rest.
    """

    def __init__(self, world: World) -> None:
        self.sets: list[str] = []
        self.lines: list[str] = []
        self._world = world
        self._statements: dict[tuple[str, Direction], list[str]] = {}

    def add(self, direction: Direction, pods: Sequence[Pod]) -> list[str]:
        """Make the chains of one direction; returns the elements of the map that leads to them."""
        groups: dict[tuple[str, ...], list[Pod]] = {}
        policies = {_key(policy): policy for policy in self._world.policies if affects(policy, direction)}
        for pod in pods:
            selecting = tuple(key for key, policy in sorted(policies.items()) if selects(policy, pod))
            if selecting:
                groups.setdefault(selecting, []).append(pod)
        verdicts = []
        for number, (keys, members) in enumerate(sorted(groups.items()), 1):
            chain = f"{direction.lower()}-{number}"
            self.lines += [f"\tchain {chain} {{"]
            for key in keys:
                self.lines += [f"\t\t{line}" for line in self._allowing(policies[key], direction)]
            self.lines += [f'\t\tcounter drop comment "{" ".join(keys)[:_COMMENT_BYTES]}"', "\t}"]
            verdicts += [f"{pod.address} : jump {chain}" for pod in members]
        return verdicts

    def _allowing(self, policy: Mapping[str, Any], direction: Direction) -> list[str]:
        """Return the statements for what a policy allows; its sets are made once."""
        key = (_key(policy), direction)
        if key not in self._statements:
            self._statements[key] = [
                f'{matching}return comment "{key[0][:_COMMENT_BYTES]}"'
                for rule in rules(self._world, policy, direction)
                for matching in self._matches(rule, direction)
            ]
        return self._statements[key]

    def _matches(self, rule: Rule, direction: Direction) -> list[str]:
        """Return the alternatives by which a packet obeys a rule; none where nothing can."""
        peers = ""
        if rule.peers is not None:
            if not rule.peers:
                return []
            side = "saddr" if direction == "Ingress" else "daddr"
            name = self._make("peers", "ipv4_addr", map(_interval, rule.peers), interval=True)
            peers = f"ip {side} @{name} "
        if rule.ports is None:
            return [peers]
        found = []
        if rule.ports.numbers:
            ranges = [f"{protocol} . {first}-{last}" for protocol, first, last in rule.ports.numbers]
            name = self._make("ports", "inet_proto . inet_service", ranges, interval=True)
            found.append(f"{peers}meta l4proto . th dport @{name} ")
        if rule.ports.named:
            triples = [f"{address} . {protocol} . {number}" for address, protocol, number in rule.ports.named]
            name = self._make("named", "ipv4_addr . inet_proto . inet_service", triples)
            found.append(f"{peers}ip daddr . meta l4proto . th dport @{name} ")
        return found

    def _make(self, what: str, kind: str, elements: Iterable[str], *, interval: bool = False) -> str:
        number = sum(line.startswith("\tset ") for line in self.sets) + 1
        self.sets += _set(f"set {what}-{number}", kind, elements, interval=interval)
        return f"{what}-{number}"


def _set(head: str, kind: str, elements: Iterable[str], *, interval: bool = False) -> list[str]:
    listed = ", ".join(elements)
    return [
        f"\t{head} {{",
        f"\t\ttype {kind}",
        *(["\t\tflags interval"] if interval else []),
        *([f"\t\telements = {{ {listed} }}"] if listed else []),
        "\t}",
    ]


def _interval(network: IPv4Network) -> str:
    return f"{network[0]}-{network[-1]}" if network.num_addresses > 1 else str(network[0])


def _key(policy: Mapping[str, Any]) -> str:
    return f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"


def _numerically(pod: Pod) -> IPv4Address:
    return IPv4Address(pod.address)
