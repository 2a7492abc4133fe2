"""Nodes outside of the cluster: how they are named and found, and what cannot be one."""

from dataclasses import dataclass
from typing import Annotated

from pba_api.markers import Doc, Number, Required, Rule, Text

MAX_EXTERNAL = 100

_LABEL = "[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?"
_HOST = rf"^({_LABEL}(\.{_LABEL})*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)$"
"""A host's name, an IPv4 address (which looks like one), or an IPv6 address."""
_NUMERIC_END = r"(^|\.)(0[xX][0-9A-Fa-f]*|[0-9]+)$"
"""Such a name resolves as an address, written in whatever way (RFC 3986, 7.4; `inet_aton`)."""
_IPV4 = r"^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.|$)){4}$"
_NOBODYS = r"^(127\.|0\.|169\.254\.|22[4-9]\.|23[0-9]\.|::1?$|[fF][eE][89abAB]|[fF][fF]|localhost$)"
"""Loopback, link-local and multicast addresses, and none at all."""


def _escaped(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


@dataclass(frozen=True)
class ExternalNode:
    """A backend node outside of the cluster."""

    name: Annotated[
        str,
        Doc("The node's name, by which drainedNodes and logs know it."),
        Required(),
        Text(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
    ]
    host: Annotated[
        str,
        Doc(
            "Where it is: a host's name, which each frontend resolves again every 5 seconds, or an IP address. A name "
            "that has several addresses is one node, at one of them."
        ),
        Required(),
        Text(min_length=1, max_length=253, pattern=_HOST),
        Rule(
            f"!self.matches('{_escaped(_NUMERIC_END)}') || self.matches('{_escaped(_IPV4)}') || self.contains(':')",
            "host ends in a number, but is no IPv4 address: write four numbers of 0 to 255, or the host's name",
        ),
        Rule(
            f"!self.matches('{_escaped(_NOBODYS)}')",
            "host must not be a loopback, link-local or multicast address, because every frontend would ask something "
            "else there: give an address at which the frontends reach the node",
        ),
    ]
    port: Annotated[int, Doc("The port at which it serves HTTP."), Required(), Number(1, 65535)]
