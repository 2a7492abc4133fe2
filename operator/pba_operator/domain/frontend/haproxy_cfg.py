"""HAProxy's configuration: constant but for a few facts of the cluster, because nodes come and go at run time.

What must stay true:
- no server stands in it: the sidecar adds them, with the options that `default-server` cannot give (HAProxy
  ignores it for servers that are added at run time);
- what comes from the spec is quoted so that it can be nothing but itself (`words.quoted`);
- no request is sent to a node twice: only connections that could not be made are tried again (elsewhere), and a GET
  or HEAD that was a node's trial, which the node has failed.

Sources: HAProxy 3.0's configuration manual; the balancer's measurements (3.0.11): `leastconn` spreads within 0.3 %,
`random(2)` only within 13.6 %.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template
from typing import Final

from pba_api import names, ports, sidecar
from pba_api.identity import COMPONENT_FRONTEND
from pba_api.types import Frontend
from pba_operator.domain.frontend import admission, compression, hygiene, origin
from pba_operator.domain.frontend import pages as errors
from pba_operator.domain.frontend.words import indented, quoted
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata

FILE: Final = "haproxy.cfg"

SILENT_SECONDS: Final = 60
"""No connection but a tunnel is silent for longer: a client's between two requests or within one, a node's before it
answers."""
DRAIN_SECONDS: Final = SILENT_SECONDS + 30
"""How long a frontend that goes waits for its clients at most: longer than one of them may be silent, so that each has
been asked to leave after a response. The preStop hook waits for so long, and so does HAProxy (`hard-stop-after`)."""

MAX_CLIENTS: Final = 8000
"""Connections of clients at a time. Below the process's own limit, which HAProxy makes from its files (about 10,200):
so the probes are still accepted when the clients take all of theirs."""
MAX_FILES: Final = 20_480
"""Open files: two for each client (its connection and the node's), 16,000; one for the check of each node, 2,000 while
a rollout doubles the 1,000 that there may be; 13 at rest (3.0.11). It is set because HAProxy makes its tables as large
as the container's limit, which container runtimes may set to a thousand million."""
THREADS: Final = 2
"""HAProxy would start one for each processor of the machine, whatever the pod may use of them. Two, so that one that is
held up does not hold up all; for more there is `frontend.replicas`."""

_TEMPLATE: Final = Template(r"""# Written by the PBACluster operator; changes are undone.
global
    log stdout format raw local0 info
    stats socket $socket mode 600 level admin
    stats timeout 10s
    nbthread $threads
    fd-hard-limit $max_files
    hard-stop-after ${drain_seconds}s

defaults
    mode http
    option dontlognull

    timeout connect 500ms
    timeout client ${silent_seconds}s
    timeout client-fin 10s
    timeout http-request 10s
    timeout http-keep-alive ${silent_seconds}s
    timeout queue 5s
    timeout server ${silent_seconds}s
    timeout tunnel 1h

    # A connection that a node keeps open may be closed by it at the very moment in which it is used again, and
    # the request is lost (or would have to be sent twice): each request has a connection of its own.
    option http-server-close
    retries 3
    option redispatch 1

$error_pages

frontend $frontend
    # Each family has a socket of its own: on one of both, clients of IPv4 would come from ::ffff:192.0.2.1.
    bind :$http_port$bind_options
.if strstr("'$${$pod_ips}'",':')
    bind :::$http_port v6only$bind_options
.endif
    maxconn $max_clients

$proxy_protocol

    # Each request has a line in memory, for the sidecar; those that did not end well have one in the log, too.
    option log-separate-errors
    log stdout format raw local0 err
    log ring@$answers format raw local0
    log ring@$failures format raw local0 err
    log-format "$log"

    # The pod terminates: each client leaves after the response that it is waiting for.
    http-after-response set-header Connection close if { str($stopping) -m str -f $flags }

$origin

$hygiene

$access

$maintenance

$compression

    default_backend $backend

ring $answers
    format raw
    maxlen 1024
    size 131072

ring $failures
    format raw
    maxlen 1024
    size 16384

frontend health
.if strstr("'$${$pod_ips}'",':')
    bind :::$health_port v4v6
.else
    bind :$health_port
.endif
    no log
    timeout client 5s
    http-request return status 200 if { path /alive }
    http-request return status 200 if { path /ready }$readiness
    http-request return status 503

backend $backend
    balance leastconn

    # A node that gets no requests is asked one on trial, once the sidecar says so; if it fails, another node is asked.
    http-request set-var(txn.trial) str($trial),map($trials) if METH_GET
    http-request del-map($trials) $trial if { var(txn.trial) -m found }
    http-request set-timeout server ${trial_seconds}s if { var(txn.trial) -m found }
    retry-on conn-failure empty-response junk-response response-timeout 500 502 503 504
    http-request disable-l7-retry unless { var(txn.trial) -m found }
    use-server %[var(txn.trial)] if { var(txn.trial) -m found }

    option httpchk
    http-check send meth GET uri $check_path ver HTTP/1.1 hdr Host $check_host hdr User-Agent pba-frontend
    http-check expect ! rstatus ^5
    timeout check ${check_seconds}s
""")

_NO_PAGES: Final[Mapping[str, str]] = {}

_EMPTY_LINES: Final = re.compile(r"\n{3,}")
"""More than one in a row: a placeholder between two was filled with nothing."""

_LOG: Final = (
    "%{+json}o %(time)tr %(client)ci %(method)HM %(path)HPO %(status)ST %(node)s %(end)ts %(retries)rc "
    "%(queued_ms)Tw %(connect_ms)Tc %(response_ms)Tr %(total_ms)Ta %(bytes)B %(trial)[var(txn.trial)] "
    "%(upgraded)[var(txn.upgraded)] %(request_id)[var(txn.request_id)]"
)
"""One JSON object for each request."""


def _frontend(cluster: Cluster) -> Frontend:
    if cluster.spec.frontend is None:
        raise ValueError(f"PBACluster {cluster.namespace}/{cluster.name} has no frontend")
    return cluster.spec.frontend


def render(cluster: Cluster, pages: Mapping[str, str] = _NO_PAGES) -> str:
    """Return the text of haproxy.cfg, for a PBACluster with a frontend.

    Args:
        cluster: the PBACluster.
        pages: the user's own pages that can be shown, by key.
    """
    frontend = _frontend(cluster)
    readiness = cluster.spec.application.probes.readiness
    text = _TEMPLATE.substitute(
        socket=sidecar.SOCKET,
        frontend=sidecar.HAPROXY_FRONTEND,
        backend=sidecar.HAPROXY_BACKEND,
        flags=sidecar.FLAGS,
        answers=sidecar.ANSWERS,
        failures=sidecar.FAILURES,
        trials=sidecar.TRIALS,
        trial=sidecar.TRIAL,
        trial_seconds=sidecar.TRIAL_SECONDS,
        stopping=sidecar.STOPPING,
        pod_ips=sidecar.ENV_POD_IPS,
        threads=THREADS,
        max_files=MAX_FILES,
        max_clients=MAX_CLIENTS,
        silent_seconds=SILENT_SECONDS,
        drain_seconds=DRAIN_SECONDS,
        http_port=ports.FRONTEND_HTTP,
        health_port=ports.FRONTEND_HEALTH,
        check_path=quoted(readiness.path),
        check_host=quoted(names.service_host(names.service(cluster.name), cluster.namespace)),
        check_seconds=readiness.timeout_seconds,
        log=_LOG,
        bind_options=origin.bind_options(frontend),
        proxy_protocol=indented(origin.proxy_protocol(frontend)),
        origin=indented(origin.rules(frontend)),
        hygiene=indented(hygiene.RULES),
        access=indented(admission.access(frontend)),
        maintenance=indented(admission.maintenance(frontend, pages)),
        compression=indented(compression.rules(frontend)),
        error_pages=indented(errors.rules(pages)),
        readiness=admission.readiness(frontend, f"{{ str({sidecar.READY}) -m str -f {sidecar.FLAGS} }}"),
    )
    return _EMPTY_LINES.sub("\n\n", text)


def files(cluster: Cluster, pages: Mapping[str, str] = _NO_PAGES) -> Mapping[str, str]:
    """Return HAProxy's files by name: haproxy.cfg, and those that it names."""
    frontend = _frontend(cluster)
    return {FILE: render(cluster, pages), **origin.files(frontend), **admission.files(frontend), **pages}


def config_map(cluster: Cluster, pages: Mapping[str, str] = _NO_PAGES) -> Manifest:
    """Return the ConfigMap `NAME-frontend`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, names.frontend(cluster.name), COMPONENT_FRONTEND),
        "data": dict(files(cluster, pages)),
    }
