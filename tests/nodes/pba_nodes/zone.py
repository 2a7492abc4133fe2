"""Who reaches whom with real packets: every port of every pod is tried, from within pods and from outside.

A pod's network is entered from the machine, so that a try needs no program in the pod, and is a packet of the pod's all
the same. What must stay true: a try that is cut off shows as silence, so that it is told from a port at which nobody
listens.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pba_hack.cluster.traces import start_time

Json = dict[str, Any]

SILENCE_SECONDS: Final = 2.0
ANSWERED, REFUSED, SILENT = "answers", "refuses", "silent"
_LISTENS: Final = "0A"
"""The state of a socket that listens (proc_pid_net, `tcp`)."""
_TRY: Final = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
source, seconds, targets = json.loads(sys.argv[1])
def end(target):
    try:
        socket.create_connection(tuple(target), timeout=seconds, source_address=(source, 0)).close()
    except ConnectionRefusedError:
        return "refuses"
    except (TimeoutError, OSError):
        return "silent"
    return "answers"
with ThreadPoolExecutor(200) as pool:
    print(json.dumps(list(pool.map(end, targets))))
"""


@dataclass(frozen=True)
class Place:
    """Somewhere with an address: a pod, or a client outside of the cluster."""

    name: str
    address: str
    process: int | None = None
    """One that is in its network; None: we are."""

    @property
    def listeners(self) -> frozenset[int]:
        """The TCP ports at which something listens that is reached from elsewhere."""
        assert self.process is not None
        return frozenset(_listening(Path(f"/proc/{self.process}/net")))

    def tries(self, targets: Iterable[tuple[str, int]]) -> list[str]:
        """Return what becomes of a connection to each target: it is answered, refused, or nothing is heard."""
        enter = [] if self.process is None else ["nsenter", f"--net=/proc/{self.process}/ns/net"]
        asked = json.dumps([self.address, SILENCE_SECONDS, list(targets)])
        done = subprocess.run(
            [*enter, sys.executable, "-c", _TRY, asked], capture_output=True, text=True, check=True
        )
        found: list[str] = json.loads(done.stdout)
        return found


def _listening(folder: Path) -> Iterable[int]:
    for table, loopback in (("tcp", "0100007F"), ("tcp6", "00000000000000000000000001000000")):
        for line in (folder / table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, port = local.partition(":")
            if state == _LISTENS and address != loopback:
                yield int(port, 16)


def _networks() -> Mapping[str, int]:
    """Return the oldest process in each network of the machine that has an address, by the address.

    In a pod that is the one that lives as long as the pod; others may be probes, which end at once.
    """
    members = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        process = int(folder.name)
        with contextlib.suppress(OSError):
            network = str((folder / "ns" / "net").readlink())
            if started := start_time(process):
                members[network].append((started, process))
    oldest = [min(inside)[1] for inside in members.values()]
    return {address: process for process in oldest for address in _addresses(process)}


def _addresses(process: int) -> list[str]:
    command = ["nsenter", f"--net=/proc/{process}/ns/net", "ip", "-json", "-4", "address", "show", "eth0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return []
    return [entry["local"] for link in json.loads(done.stdout) for entry in link.get("addr_info", ())]


def places(pods: Mapping[str, Json]) -> dict[str, Place]:
    """Return where pods are, by the names that they are given here."""
    networks = _networks()
    found = {}
    for name, pod in pods.items():
        address = pod["status"]["podIP"]
        found[name] = Place(name, address, networks[address])
    return found


Table = dict[tuple[str, str, int], str]
"""What became of each try: who, whom, at which port."""


def table(sources: Iterable[Place], targets: Mapping[Place, Iterable[int]]) -> Table:
    """Try every port of every target from every source, but for its own."""
    outcome: Table = {}
    for source in sources:
        tried = [(target, port) for target in targets if target != source for port in targets[target]]
        ends = source.tries([(target.address, port) for target, port in tried])
        outcome |= {
            (source.name, target.name, port): end for (target, port), end in zip(tried, ends, strict=True)
        }
    return outcome


def written(outcome: Table) -> str:
    """Return a table as text: for each source and target the ports that answered, refused and were silent."""
    rows: dict[tuple[str, str], dict[str, list[int]]] = {}
    for (source, target, port), end in sorted(outcome.items()):
        rows.setdefault((source, target), {}).setdefault(end, []).append(port)
    lines = [f"{'from':<18}{'to':<18}{ANSWERED:<12}{REFUSED:<44}{SILENT}"]
    for (source, target), ends in rows.items():
        cells = [" ".join(map(str, ends.get(end, ()))) or "-" for end in (ANSWERED, REFUSED, SILENT)]
        lines.append(f"{source:<18}{target:<18}{cells[0]:<12}{cells[1]:<44}{cells[2]}")
    return "\n".join(lines)
