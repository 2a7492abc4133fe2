"""HAProxy's configuration: constant but for a few facts of the cluster, because nodes come and go at run time.

What must stay true:
- no server stands in it: the sidecar adds them, with the options that `default-server` cannot give (HAProxy
  ignores it for servers that are added at run time);
- what comes from the spec is quoted so that it can be nothing but itself;
- no request is sent to a node twice: only connections that could not be made are tried again (elsewhere), and a GET
  or HEAD that was a node's trial, which the node has failed;
- nothing that a client says of where it comes from reaches the application.

Sources: HAProxy 3.0's configuration manual; the balancer's measurements (3.0.11): `leastconn` spreads within 0.3 %,
`random(2)` only within 13.6 %.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Template
from typing import Final

from pba_api import names, ports, sidecar
from pba_api.identity import COMPONENT_FRONTEND
from pba_api.types.frontend import ALL
from pba_operator.domain.frontend import affinity
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

    http-error status 503 content-type "text/html; charset=utf-8" string "$unavailable" hdr Retry-After 5

frontend $frontend
.if strstr("'$${$pod_ips}'",':')
    bind :::$http_port v4v6
.else
    bind :$http_port
.endif
    maxconn $max_clients

    # Each request has a line in memory, for the sidecar; $logged in the log, too.
    option log-separate-errors
    log stdout format raw local0 $log_level
    log ring@$answers format raw local0
    log ring@$failures format raw local0 err
    log-format "$log"

    # The pod terminates: each client leaves after the response that it is waiting for.
    http-after-response set-header Connection close if { str($stopping) -m str -f $flags }

    unique-id-format %[uuid()]
    acl identified req.fhdr(X-Request-Id) -m reg ^[A-Za-z0-9._-]{1,64}$$
    acl identified_once req.fhdr_cnt(X-Request-Id) eq 1
    http-request set-header X-Request-Id %[unique-id] unless identified identified_once
    http-request set-var(txn.request_id) req.fhdr(X-Request-Id)
    http-after-response set-header X-Request-Id %[var(txn.request_id)]

    http-request del-header Forwarded
    http-request del-header X-Forwarded- -m beg
    http-request del-header Proxy
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.fhdr(Host)] if { req.fhdr(Host) -m found }

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
    http-request return status 200 if { path /ready } { str($ready) -m str -f $flags }
    http-request return status 503

backend $backend$algorithm
$affinity

    # A node that gets no requests is asked one on trial, once the sidecar says so; if it fails, another node is asked.
    http-request set-var(txn.trial) str($trial),map($trials) if METH_GET$trial_condition
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

_LOG: Final = (
    "%{+json}o %(time)tr %(client)ci %(method)HM %(path)HPO %(status)ST %(node)s %(end)tsc %(retries)rc "
    "%(queued_ms)Tw %(connect_ms)Tc %(response_ms)Tr %(total_ms)Ta %(bytes)B %(trial)[var(txn.trial)] "
    "%(left)[var(txn.left)] %(request_id)[var(txn.request_id)]"
)
"""One JSON object for each request."""

_UNAVAILABLE: Final = (
    "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Temporarily unavailable</title>"
    "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}</style>"
    "<h1>Temporarily unavailable</h1><p>No node can answer just now. Please try again in a few seconds.</p></html>"
)


def is_quotable(word: str) -> bool:
    """Tell whether HAProxy's configuration can hold `word`: no quoting carries a control character."""
    return word.isprintable()


def quoted(word: str) -> str:
    """Return `word` as one word of HAProxy's configuration, whatever characters it holds.

    Raises:
        ValueError: it is not quotable (the schema refuses it before, and so does `cluster.read`).
    """
    if not is_quotable(word):
        raise ValueError(f"HAProxy's configuration cannot hold {word!r}")
    return "'" + word.replace("'", "'\\''") + "'"


def render(cluster: Cluster) -> str:
    """Return the text of haproxy.cfg."""
    if cluster.spec.frontend is None:
        raise ValueError("without a frontend there is no HAProxy to configure")
    readiness, bound = cluster.spec.application.probes.readiness, cluster.spec.frontend.session_affinity
    log_all = cluster.spec.frontend.access_log == ALL
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
        ready=sidecar.READY,
        stopping=sidecar.STOPPING,
        pod_ips=sidecar.ENV_POD_IPS,
        threads=THREADS,
        max_files=MAX_FILES,
        max_clients=MAX_CLIENTS,
        silent_seconds=SILENT_SECONDS,
        drain_seconds=DRAIN_SECONDS,
        http_port=ports.FRONTEND_HTTP,
        health_port=ports.FRONTEND_HEALTH,
        algorithm=_section_lines(affinity.algorithm(bound)),
        affinity=_section_lines(affinity.cookie_rules(bound, cluster.uid)),
        trial_condition=affinity.trial_condition(bound),
        check_path=quoted(readiness.path),
        check_host=quoted(names.service_host(names.service(cluster.name), cluster.namespace)),
        check_seconds=readiness.timeout_seconds,
        logged="it has one" if log_all else "those that did not end well have one",
        log_level="info" if log_all else "err",
        log=_LOG,
        unavailable=_UNAVAILABLE,
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _section_lines(lines: Sequence[str]) -> str:
    """Return lines as they stand in a section, apart from those before; nothing, if there are none."""
    return "".join(f"\n    {line}" for line in lines)


def config_map(cluster: Cluster) -> Manifest:
    """Return the ConfigMap `NAME-frontend`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, names.frontend(cluster.name), COMPONENT_FRONTEND),
        "data": {FILE: render(cluster)},
    }
