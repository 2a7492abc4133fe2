"""The network that balancers are measured in: a namespace of its own, with nothing but loopback.

Nodes have addresses that an EndpointSlice may hold (the API server takes none of 127.0.0.0/8), and nothing that is sent
can leave.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import subprocess
import sys
from typing import Final

_NODES: Final = ipaddress.ip_network("10.203.128.0/20")
_PORT: Final = 8080
_ENTER: Final = """\
ip link set lo up
ip address add 10.203.0.1/16 dev lo
ip route add default dev lo  # which leads nowhere: the API server takes its own address from it
exec "$@"
"""


def addresses(count: int) -> list[str]:
    """Return the addresses of nodes, HOST:PORT.

    Raises:
        ValueError: there is no room for so many.
    """
    network = list(itertools.islice(_NODES.hosts(), count))
    if len(network) < count:
        raise ValueError(f"{count} nodes are more than the network has addresses for")
    return [f"{address}:{_PORT}" for address in network]


def run_inside(module: str, *arguments: str) -> None:
    """Run a module of ours in such a namespace, and wait for its end.

    Raises:
        CalledProcessError: it failed; it has told why.
    """
    command = [sys.executable, "-m", module, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(["unshare", "--net", "sh", "-ec", _ENTER, "sh", *command], env=environment, check=True)
