"""Which pod has which address and interface on a node, by what the container runtime keeps of CNI.

libcni writes a file for each sandbox that it has connected, after its plugins are done and before a container of it can
start, and removes it when the sandbox is disconnected (containernetworking/cni, `libcni/api.go`, `cacheAdd`).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Attachment", "Reader", "parse"]


@dataclass(frozen=True, order=True)
class Attachment:
    """One pod's link to its node."""

    node: str
    address: str
    interface: str
    """The node's end."""
    uid: str
    """The pod's."""


class Reader:
    """The attachments of one node; a file is read once."""

    def __init__(self, node: str, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._read: dict[tuple[int, str], Attachment | None] = {}
        self._seen = 0
        """When the folder had changed when it was read; 0 if that was not whole."""

    def is_behind(self) -> bool:
        """Tell whether there is something to read; a single call of the kernel, so it may be asked often."""
        return self._changed() != self._seen

    def read(self) -> list[Attachment]:
        """Return those that are there now; what is just being written is there the next time.

        Of several with one address the latest counts: a file outlives its sandbox for a moment.
        """
        found = {}
        self._seen = self._changed()
        for path in self._folder.glob("*"):
            try:
                key = (path.stat().st_mtime_ns, path.name)
                found[key] = self._read[key] if key in self._read else parse(path.read_bytes(), self._node)
            except FileNotFoundError:  # it has gone meanwhile
                continue
            except ValueError:  # it is just being written
                self._seen = 0
        self._read = found
        latest = {item.address: item for _, item in sorted(found.items(), key=_age) if item}
        return sorted(latest.values())

    def _changed(self) -> int:
        return self._folder.stat().st_mtime_ns


def parse(content: bytes, node: str) -> Attachment | None:
    """Return what a file tells; None if it is of no pod.

    Raises:
        ValueError: it is not whole.
    """
    kept: Any = json.loads(content)
    names = dict(kept.get("cniArgs") or ())
    result = kept.get("result") or {}
    address = next((ip["address"].partition("/")[0] for ip in result.get("ips") or () if _is_ipv4(ip)), "")
    interface = next((link["name"] for link in result.get("interfaces") or () if not link.get("sandbox")), "")
    uid = names.get("K8S_POD_UID", "")
    return Attachment(node, address, interface, uid) if address and interface and uid else None


def _age(entry: tuple[tuple[int, str], Attachment | None]) -> tuple[int, str]:
    return entry[0]


def _is_ipv4(entry: Any) -> bool:
    return ":" not in entry["address"]
