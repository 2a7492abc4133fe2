"""HAProxy as one would set it up by hand: the nodes in its file, and nothing that only a sidecar needs.

It treats requests and connections as the operator's configuration does (a test compares the lines), so what the
frontend costs beside it is what the sidecar and the following of latency cost: rings, maps, trials.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import Final

from pba_lab.haproxy import HAProxyProcess, started
from pba_lab.patience import eventually
from pba_lab.shop import frontend_of, shop

from pba_hack.bench.balancer.balancers import Balancer
from pba_operator.domain.frontend import early, hygiene, origin, overload
from pba_operator.domain.frontend.words import Counter, indented
from pba_sync.haproxy.servers import read_servers

CHECK: Final = "check inter 500ms fastinter 250ms fall 2 rise 2"
"""As the operator has it."""
OBSERVED: Final = f"{CHECK} observe layer7 error-limit 10 on-error mark-down"
CLOSED_CONNECTIONS: Final = "option http-server-close"
KEPT_CONNECTIONS: Final = "http-reuse safe"
PICKER: Final = Path(__file__).with_name("picker.lua")
_PICKED: Final = "\n    http-response lua.answered\n    use-server %[lua.pick] if TRUE"
_FRONTEND: Final = frontend_of(shop("bench"))
BACKEND: Final = "nodes"
COOKIE: Final = "bench"

_TEMPLATE: Final = Template(r"""global
    log stdout format raw local0 info
    stats socket /run/haproxy/admin.sock mode 600 level admin
    stats timeout 10s
    nbthread 2
    fd-hard-limit 20480
    tune.stick-counters $counters$loaded

defaults
    mode http
    log global
    option httplog
    option dontlognull
    option dontlog-normal

    timeout connect 500ms
    timeout client 60s
    timeout client-fin 10s
    timeout http-request 10s
    timeout http-keep-alive 75000ms
    timeout queue 5s
    timeout server 60s
    timeout tunnel 1h

    $connections
    $retries

frontend web
    bind :8080
    maxconn 8000

$treatment

    default_backend $backend

$tables

backend $backend
    balance $balance$retried$bound
    option httpchk
    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host bench
    http-check expect ! rstatus ^5
    timeout check 2000ms$picked
$servers
""")


def _treatment() -> list[str]:
    """Return what the operator's configuration does with any request, whoever looks after the nodes."""
    return [
        *overload.connection_rules(_FRONTEND),
        *early.frontend_rules(),
        *origin.frontend_rules(_FRONTEND),
        *overload.frontend_rules(),
        *hygiene.FRONTEND_RULES,
        *overload.client_rules(_FRONTEND),
    ]


def configuration(
    addresses: Sequence[str],
    *,
    balance: str = "leastconn",
    server: str = CHECK,
    connections: str = CLOSED_CONNECTIONS,
    retries: bool = False,
    cookie: bool = False,
    picker: Path | None = None,
) -> str:
    """Return the text of haproxy.cfg.

    Args:
        addresses: HOST:PORT of each node.
        balance: HAProxy's algorithm.
        server: how each node is looked after.
        connections: what becomes of a connection to a node after a request.
        retries: whether what is safe is tried again, elsewhere.
        cookie: whether clients stay on their nodes.
        picker: a file in Lua that chooses the node.
    """
    on = "\n    retry-on all-retryable-errors\n    http-request disable-l7-retry unless METH_GET"
    servers = (
        f"    server node-{number} {address} {server}" + (f" cookie node-{number}" if cookie else "")
        for number, address in enumerate(addresses)
    )
    return _TEMPLATE.substitute(
        backend=BACKEND,
        balance=balance,
        treatment=indented(_treatment()),
        counters=len(Counter),
        tables="\n".join(overload.sections(_FRONTEND.limits)),
        connections=connections,
        retries="retries 3\n    option redispatch 1" if retries else "retries 0",
        retried=on if retries else "",
        bound=f"\n    cookie {COOKIE} insert indirect nocache httponly" if cookie else "",
        loaded=f"\n    lua-load-per-thread {picker}" if picker else "",
        picked=_PICKED if picker else "",
        servers="\n".join(servers),
    )


@contextlib.contextmanager
def running(
    addresses: Sequence[str],
    *,
    balance: str = "leastconn",
    server: str = CHECK,
    connections: str = CLOSED_CONNECTIONS,
    retries: bool = False,
    cookie: bool = False,
    picker: Path | None = None,
) -> Iterator[Balancer]:
    """Run it until the block ends; the arguments are those of `configuration`."""
    text = configuration(
        addresses,
        balance=balance,
        server=server,
        connections=connections,
        retries=retries,
        cookie=cookie,
        picker=picker,
    )
    with started(text) as process:
        await_nodes(process, len(addresses), BACKEND)
        yield Balancer((f"127.0.0.1:{process.port}",), (process.pid,))


def await_nodes(process: HAProxyProcess, count: int, backend: str) -> None:
    """Return when so many of a backend's servers serve."""

    def serving() -> bool:
        servers = read_servers(process.ask(f"show servers state {backend}"))
        return sum(server.usable for server in servers.values()) == count

    eventually(serving)
