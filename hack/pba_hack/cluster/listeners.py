"""The sockets that listen in the network namespace that we are in, and which of them are a cluster's.

Other programs of the machine open and close theirs all the time, so a comparison of two moments says nothing by
itself. What is a cluster's is told by who holds a socket: a descriptor is a link that names the socket's inode.
"""

import contextlib
import ipaddress
import struct
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Socket", "held", "left_behind", "listening", "parse_inet", "parse_unix"]

_INET = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""The states in which a socket takes what comes from anybody (include/net/tcp_states.h): LISTEN; for UDP, CLOSE."""
_ACCEPTS = 0x10000
"""`__SO_ACCEPTCON` in the flags of a unix socket (include/linux/net.h)."""


@dataclass(frozen=True, order=True)
class Socket:
    """One that listens. The inode is 0 for those of the kernel itself, such as a VXLAN device's."""

    protocol: str
    address: str
    inode: int

    @property
    def is_reachable(self) -> bool:
        """Tell whether other machines may reach it, should nothing filter."""
        if self.protocol == "unix":
            return False
        host = ipaddress.ip_address(self.address.rpartition(":")[0].strip("[]"))
        mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
        return not (mapped or host).is_loopback


def listening() -> frozenset[Socket]:
    """Return all that listen now."""
    net = Path("/proc/self/net")
    found = set(parse_unix((net / "unix").read_text(errors="replace")))
    for protocol in _INET:
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            found.update(parse_inet(protocol, (net / protocol).read_text()))
    return frozenset(found)


def held(pids: Iterable[int]) -> set[int]:
    """Return the inodes of the sockets that processes hold."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):  # it was closed meanwhile
                    kind, _, inode = str(descriptor.readlink()).partition(":")
                    if kind == "socket":
                        found.add(int(inode.strip("[]")))
    return found


def left_behind(
    before: Iterable[Socket], after: Iterable[Socket], own: Collection[int], name: str
) -> set[Socket]:
    """Return the sockets that a cluster has left; those that other programs opened meanwhile are not among them.

    Args:
        before: what listened before the cluster came.
        after: what listens now.
        own: inodes of sockets that the cluster's processes have held, or that processes hold now that name it.
        name: the cluster's, which no other program's unix sockets have in their paths.
    """
    return {
        socket
        for socket in set(after) - set(before)
        if socket.inode in own or not socket.inode or (socket.protocol == "unix" and name in socket.address)
    }


def parse_inet(protocol: str, table: str) -> set[Socket]:
    """Return what listens by a table of `/proc/net`: tcp, tcp6, udp or udp6."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {Socket(protocol, _address(row[1]), int(row[9])) for row in rows if row[3] == _INET[protocol]}


def parse_unix(table: str) -> set[Socket]:
    """Return what listens by `/proc/net/unix`; an abstract name begins with `@`."""
    rows = (line.split(maxsplit=7) for line in table.splitlines()[1:])
    return {
        Socket("unix", row[7] if row[7:] else "", int(row[6])) for row in rows if int(row[3], 16) & _ACCEPTS
    }


def _address(text: str) -> str:
    # The kernel prints the words of an address as numbers of its own byte order.
    host, port = text.split(":")
    words = [int(host[start : start + 8], 16) for start in range(0, len(host), 8)]
    order = "<" if sys.byteorder == "little" else ">"
    packed = struct.pack(f"{order}{len(words)}I", *words)
    ip = ipaddress.ip_address(packed)
    return f"{ip}:{int(port, 16)}" if ip.version == 4 else f"[{ip}]:{int(port, 16)}"  # noqa: PLR2004
