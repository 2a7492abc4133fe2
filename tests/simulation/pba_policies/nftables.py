"""A model of the part of nftables that our rules use: what becomes of a packet at the forward hook.

Whether it is like the kernel is shown by `tests/e2e/network`, which asks both the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from pba_hack.cluster.local.policies.ruleset import UPLINK
from pba_policies.stage import PODS, Flow

_FIELDS = ("iifname", "ip saddr", "ip daddr", "meta l4proto", "th dport", "ct state", "meta nfproto")
_VERDICTS = ("drop", "accept", "return")
_COMMENT = re.compile(r' comment "[^"]*"$')


@dataclass(frozen=True)
class Packet:
    """What the rules see of one."""

    interface: str
    source: str
    target: str
    protocol: str
    port: int
    state: str = "new"

    def value(self, name: str) -> str:
        """Return a field of it."""
        return {
            "iifname": self.interface,
            "ip saddr": self.source,
            "ip daddr": self.target,
            "meta l4proto": self.protocol,
            "th dport": str(self.port),
            "ct state": self.state,
            "meta nfproto": "ipv4",
        }[name]


@dataclass
class Table:
    """A table, read from its content."""

    sets: dict[str, list[str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    @staticmethod
    def read(text: str) -> Table:
        """Read a table's content."""
        table, statements = Table(), list[str]()
        for line in text.splitlines():
            words = line.split()
            if words[:1] in (["set"], ["map"], ["chain"]):
                statements = []
                if words[0] == "chain":
                    table.chains[words[1]] = statements
                else:
                    table.sets.setdefault(words[1], [])
                    name = words[1]
            elif words[:2] == ["elements", "="]:
                table.sets[name] = line.partition("{")[2].rpartition("}")[0].strip().split(", ")
            elif words != ["}"]:
                statements.append(_COMMENT.sub("", line.strip()))
        return table

    def lets_through(self, packet: Packet) -> bool:
        """Tell whether a packet is forwarded: the chain's policy is to accept."""
        return self._run("forward", packet) != "drop"

    def _run(self, chain: str, packet: Packet) -> str:
        for statement in self.chains[chain]:
            verdict = self._verdict(statement, packet)
            if verdict.startswith("jump "):
                verdict = self._run(verdict.removeprefix("jump "), packet)
                if verdict == "return":
                    continue
            if verdict:
                return verdict
        return "return"

    def _verdict(self, statement: str, packet: Packet) -> str:
        """Return what a statement decides of a packet; empty: nothing."""
        rest = statement
        while rest:
            if rest in _VERDICTS:
                return rest
            if rest.startswith("counter "):
                rest = rest.removeprefix("counter ")
            elif rest.startswith("type "):
                return ""
            else:
                values, rest = _values(rest, packet)
                operator, operand, rest = _operand(rest)
                if operator == "vmap":
                    return self._mapped(operand, values)
                if self._is_in(values, operand) == (operator == "!="):
                    return ""
        raise ValueError(f"no verdict: {statement}")

    def _mapped(self, operand: str, values: list[str]) -> str:
        for element in self.sets[operand.removeprefix("@")]:
            key, _, verdict = element.partition(" : ")
            if _is_element(values, key):
                return verdict
        return ""

    def _is_in(self, values: list[str], operand: str) -> bool:
        if operand.startswith("@"):
            return any(_is_element(values, element) for element in self.sets[operand.removeprefix("@")])
        return any(_is_element(values, one) for one in operand.split(","))


def forwarded(tables: dict[str, Table], hops: Iterator[tuple[str, Packet]]) -> bool:
    """Tell whether a packet passes all the nodes on its way."""
    return all(tables[node].lets_through(packet) for node, packet in hops)


def hops(flow: Flow) -> Iterator[tuple[str, Packet]]:
    """Yield the nodes that forward a flow: the source's, and the target's if that is another; and what they see."""
    source, target = PODS[flow.source], PODS[flow.target]
    ends = (source.address, target.address, flow.protocol, flow.port)
    yield source.node, Packet(source.interface, *ends)
    if target.node != source.node:
        yield target.node, Packet(UPLINK, *ends)


def _values(text: str, packet: Packet) -> tuple[list[str], str]:
    """Read the fields that a comparison is about; returns their values in a packet, and the rest of the text."""
    values = []
    while True:
        name = next(name for name in _FIELDS if text.startswith(name))
        values.append(packet.value(name))
        text = text.removeprefix(name).lstrip()
        if not text.startswith(". "):
            return values, text
        text = text.removeprefix(". ")


def _operand(text: str) -> tuple[str, str, str]:
    words = text.split(" ", 2)
    if words[0] in ("!=", "vmap"):
        return words[0], words[1], words[2] if len(words) > 2 else ""
    operand, _, rest = text.partition(" ")
    return "", operand, rest


def _is_element(values: list[str], element: str) -> bool:
    parts = element.split(" . ")
    return len(parts) == len(values) and all(map(_holds, values, parts))


def _holds(value: str, part: str) -> bool:
    if "/" in part:
        return IPv4Address(value) in IPv4Network(part)
    first, dash, last = part.partition("-")
    if dash and "." in first:
        return IPv4Address(first) <= IPv4Address(value) <= IPv4Address(last)
    if dash:
        return int(first) <= int(value) <= int(last)
    return value == part.strip('"')
