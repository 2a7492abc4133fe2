"""HAProxy's configuration: constant but for a few facts of the cluster, because nodes come and go at run time.

What must stay true:
- no server stands in it: the sidecar adds them, with the options that `default-server` cannot give (HAProxy
  ignores it for servers that are added at run time);
- what comes from the spec is quoted so that it can be nothing but itself;
- no request that may change something is sent twice (`retries`);
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
from pba_operator.domain.frontend import affinity, overload, paths, retries, timing
from pba_operator.domain.frontend.quoting import quoted
from pba_operator.domain.model import Cluster, Manifest
from pba_operator.domain.ownership import metadata

FILE: Final = "haproxy.cfg"

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

$time_limits

    # A connection that a node keeps open may be closed by it at the very moment in which it is used again, and
    # the request is lost (or would have to be sent twice): each request has a connection of its own.
    option http-server-close
    retries $attempts
    option redispatch 1

    http-error status 503 content-type "text/html; charset=utf-8" string "$unavailable" hdr Retry-After 5

frontend $frontend
.if strstr("'$${$pod_ips}'",':')
    bind :::$http_port v4v6
.else
    bind :$http_port
.endif
    maxconn $max_clients

    # Each request has a line in memory, for the sidecar; those that did not end well have one in the log, too.
    option log-separate-errors
    log stdout format raw local0 err
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

    # Where no node passes its checks, any may be asked: one that may answer is better than none. It is drawn here,
    # because `force-persist` is looked at before the rules of the nodes' section.
    http-request set-var(txn.nodes) str($floor_nodes),map($floor_size) if { nbsrv($backend) eq 0 }
    http-request set-var(txn.floor) rand(1000000),mod(txn.nodes),map($floor) if { var(txn.nodes) -m found }
$client_limits

$paths

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

$client_table

$retry_table

backend $backend
    balance leastconn
$affinity
$node_limits
$path_timeouts

    # A node that gets no requests is asked one on trial, once the sidecar says so; if it fails, another node is asked.
    http-request set-var(txn.trial) str($trial),map($trials) if METH_GET$trial_condition
    http-request del-map($trials) $trial if { var(txn.trial) -m found }
    http-request set-timeout server ${trial_seconds}s if { var(txn.trial) -m found }

    # What no node has got is tried elsewhere. What one may have got is sent again only if that does no harm.
$retry_rules

    use-server %[var(txn.trial)] if { var(txn.trial) -m found }

    # Where no node passes its checks, the one that was drawn.
    force-persist if { var(txn.floor) -m found }
    use-server %[var(txn.floor)] if { var(txn.floor) -m found }

    option httpchk
    http-check send meth GET uri $check_path ver HTTP/1.1 hdr Host $check_host hdr User-Agent pba-frontend
    http-check expect ! rstatus ^5
    $check_limit
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


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def render(cluster: Cluster) -> str:
    """Return the text of haproxy.cfg.

    Raises:
        ValueError: the cluster has no frontend.
    """
    frontend = cluster.spec.frontend
    if frontend is None:
        raise ValueError(f"{cluster.name} has no frontend")
    readiness, bound = cluster.spec.application.probes.readiness, frontend.session_affinity
    text = _TEMPLATE.substitute(
        socket=sidecar.SOCKET,
        frontend=sidecar.HAPROXY_FRONTEND,
        backend=sidecar.HAPROXY_BACKEND,
        flags=sidecar.FLAGS,
        answers=sidecar.ANSWERS,
        failures=sidecar.FAILURES,
        trials=sidecar.TRIALS,
        trial=sidecar.TRIAL,
        floor=sidecar.FLOOR,
        floor_size=sidecar.FLOOR_SIZE,
        floor_nodes=sidecar.NODES,
        trial_seconds=sidecar.TRIAL_SECONDS,
        ready=sidecar.READY,
        stopping=sidecar.STOPPING,
        pod_ips=sidecar.ENV_POD_IPS,
        threads=THREADS,
        max_files=MAX_FILES,
        max_clients=overload.MAX_CLIENTS,
        time_limits=_indented(timing.limits(frontend.timeouts)),
        drain_seconds=timing.drain_seconds(frontend),
        http_port=ports.FRONTEND_HTTP,
        health_port=ports.FRONTEND_HEALTH,
        affinity=_indented(affinity.cookie_rules(bound, cluster.uid)),
        trial_condition=affinity.trial_condition(bound),
        check_path=quoted(readiness.path),
        check_host=quoted(names.service_host(names.service(cluster.name), cluster.namespace)),
        attempts=frontend.retries.attempts,
        client_table="\n".join(overload.table(frontend.limits)),
        client_limits=_indented(overload.of_clients(frontend.limits)),
        paths=_indented(paths.of_clients(frontend.paths)),
        path_timeouts=_indented(paths.of_nodes(frontend.paths)),
        node_limits=_indented(overload.of_nodes()),
        retry_table="\n".join(retries.table(frontend.retries)),
        retry_rules=_indented(retries.rules(frontend.retries)),
        check_limit=timing.check(frontend.checks),
        log=_LOG,
        unavailable=_UNAVAILABLE,
    )
    # Where a part is off, the empty lines around it are left.
    return re.sub(r"\n{3,}", "\n\n", text)


def config_map(cluster: Cluster) -> Manifest:
    """Return the ConfigMap `NAME-frontend`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, names.frontend(cluster.name), COMPONENT_FRONTEND),
        "data": {FILE: render(cluster)},
    }
