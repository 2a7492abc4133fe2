"""What the rules of a moment are made from: pods with their addresses, the namespaces' labels, and the policies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.policies.attachments import Attachment

__all__ = ["NAME_SERVER", "NamedPort", "Pod", "World", "pods_of"]


@dataclass(frozen=True, order=True)
class NamedPort:
    """A port that a container gives a name."""

    name: str
    protocol: str
    """In small letters, as nftables has it."""
    number: int


@dataclass(frozen=True)
class Pod:
    """A pod that has an address of its own."""

    namespace: str
    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[NamedPort, ...] = ()
    node: str = ""
    """Where it runs; empty: on no node, so that nothing is enforced at it."""
    interface: str = ""
    """The node's end of its link."""


@dataclass(frozen=True)
class World:
    """All that decides who may speak with whom."""

    pods: Sequence[Pod]
    namespaces: Mapping[str, Mapping[str, str]]
    """The labels of each namespace."""
    policies: Sequence[Mapping[str, Any]]
    """The NetworkPolicies, as the API server has them."""


NAME_SERVER = Pod(
    "kube-system",
    "coredns",
    addresses.NAME_SERVER,
    {"k8s-app": "kube-dns"},
    (NamedPort("dns", "udp", 53), NamedPort("dns-tcp", "tcp", 53)),
)
"""Policies name the cluster's name server by these labels everywhere; ours is a program of the hub."""


def pods_of(attachments: Iterable[Attachment], by_uid: Mapping[str, Mapping[str, Any]]) -> list[Pod]:
    """Return the pods that have addresses, the name server among them.

    A pod's address is taken from its node and not from its status: it is known there before its first container
    starts, and gone as soon as another pod may have it. What is connected and not known is left out, so it is closed.

    Args:
        attachments: what is connected on all nodes.
        by_uid: the API server's pods.
    """
    known = [(attachment, by_uid[attachment.uid]) for attachment in attachments if attachment.uid in by_uid]
    return [NAME_SERVER, *(_pod(attachment, item) for attachment, item in known)]


def _pod(attachment: Attachment, item: Mapping[str, Any]) -> Pod:
    meta = item["metadata"]
    return Pod(
        meta["namespace"],
        meta["name"],
        attachment.address,
        meta.get("labels") or {},
        _named_ports(item["spec"]),
        attachment.node,
        attachment.interface,
    )


def _named_ports(spec: Mapping[str, Any]) -> tuple[NamedPort, ...]:
    sidecars = [entry for entry in spec.get("initContainers") or () if entry.get("restartPolicy") == "Always"]
    return tuple(
        NamedPort(port["name"], port.get("protocol", "TCP").lower(), port["containerPort"])
        for container in [*spec["containers"], *sidecars]
        for port in container.get("ports") or ()
        if port.get("name")
    )
