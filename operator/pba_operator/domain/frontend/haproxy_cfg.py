"""HAProxy's configuration: constant but for a few facts of the cluster, because nodes come and go at run time.

What must stay true:
- no node stands in it: the sidecar adds them, with the options that `default-server` cannot give (HAProxy
  ignores it for servers that are added at run time);
- what comes from the spec is quoted so that it can be nothing but itself;
- no request that may change something is sent twice (`retries`);
- nothing that a client says of where it comes from reaches the application.

Sources: HAProxy 3.0's configuration manual; the balancer's measurements (3.0.11): `leastconn` spreads within 0.3 %,
`random(2)` only within 13.6 %.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template
from typing import Final

from pba_api import log_fields, names, ports, sidecar
from pba_api.identity import COMPONENT_FRONTEND
from pba_api.types import Frontend
from pba_api.types.frontend import ALL
from pba_operator.domain.frontend import (
    admission,
    affinity,
    answering,
    compression,
    early,
    floor,
    hygiene,
    origin,
    others,
    overload,
    paths,
    retries,
    timing,
    tls,
    trials,
)
from pba_operator.domain.frontend import pages as errors
from pba_operator.domain.frontend.words import Counter, indented, quoted
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
    tune.h2.fe.glitches-threshold $max_glitches
    tune.stick-counters $counters
$tls_global

defaults
    mode http
    option dontlognull

$time_limits

    # A node may close a kept connection at the very moment in which HAProxy reuses it, and the request is lost (or
    # would have to be sent twice): each request gets a connection of its own.
    option http-server-close
    retries $attempts
    option redispatch 1

$error_pages

frontend $frontend
    # One socket for each family: on a shared one, clients of IPv4 would seem to come from ::ffff:192.0.2.1.
    bind :$http_port$bind_options
.if strstr("'$${$pod_ips}'",':')
    bind :::$http_port v6only$bind_options
.endif
$tls_bind
    maxconn $max_clients

$proxy_protocol

$connections

    # Each request has a line in memory, for the sidecar; $logged in the log, too.
    option log-separate-errors
    log stdout len $line_bytes format raw local0 $log_level
    log ring@$answers len $line_bytes format raw local0
    log ring@$failures len $line_bytes format raw local0 err
    log-format "$log"

    # While the pod terminates, each client is asked to leave with its next response.
    http-after-response set-header Connection close if { str($stopping) -m str -f $flags }
$tls_response

$early

$origin

$all_requests

$hygiene

$access

$tls_request

$compression

$client_limits

$floor

$paths

$maintenance

$trial

    default_backend $backend

ring $answers
    format raw
    maxlen $line_bytes
    size 131072

ring $failures
    format raw
    maxlen $line_bytes
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

$others_health

    http-request return status 200 if { path /ready }$readiness
    http-request return status 503

$request_tables

$retry_table

$answering_table

$others

$trials

backend $backend
$algorithm
$affinity
$node_limits
$path_timeouts

$answering

    # What no node has received is tried elsewhere. What one may have received is sent again only if that is safe.
$retry_rules

$trial_rules

$floor_node

    option httpchk
    http-check send meth GET uri $check_path ver HTTP/1.1 hdr Host $check_host hdr User-Agent pba-frontend
    http-check expect ! rstatus ^5
    $check_limit
""")

_NAMES: Final[Mapping[str, object]] = {
    "socket": sidecar.SOCKET,
    "frontend": sidecar.HAPROXY_FRONTEND,
    "backend": sidecar.HAPROXY_BACKEND,
    "flags": sidecar.FLAGS,
    "answers": sidecar.ANSWERS,
    "failures": sidecar.FAILURES,
    "stopping": sidecar.STOPPING,
    "pod_ips": sidecar.ENV_POD_IPS,
    "http_port": ports.FRONTEND_HTTP,
    "health_port": ports.FRONTEND_HEALTH,
}
"""What stands in the template by the names that the sidecar and the pod know it by."""
_NO_PAGES: Final[Mapping[str, str]] = {}

_EMPTY_LINES: Final = re.compile(r"\n{3,}")
"""More than one in a row: a placeholder between two was filled with nothing."""

_LOG: Final = (
    f"%{{+json}}o %(time)tr %({log_fields.CLIENT})ci %(method)HM "
    f"%({log_fields.PATH})[capture.req.uri,field(1,?),bytes(0,256),regsub('[^!-~]','?',g)] "
    f"%({log_fields.STATUS})ST %({log_fields.NODE})s %({log_fields.END})tsc %({log_fields.RETRIES})rc "
    f"%(queued_ms)Tw %(connect_ms)Tc %({log_fields.RESPONSE_MILLISECONDS})Tr "
    f"%({log_fields.TOTAL_MILLISECONDS})Ta %(bytes)B %({log_fields.TRIAL})[var(txn.trial)] "
    f"%({log_fields.LEFT})[var(txn.left)] %({log_fields.UPGRADED})[var(txn.upgraded)] "
    "%(request_id)[var(txn.request_id)]"
)
"""One JSON object for each request. Of a path the beginning: a line that is cut is no object; and without bytes that no
URL has, which HTTP/2 lets through: a line with them is not UTF-8."""
_LINE_BYTES: Final = 2048
"""As long as such a line is at most: a path of nothing but quotes, and names as long as Kubernetes allows them."""


def _frontend(cluster: Cluster) -> Frontend:
    if cluster.spec.frontend is None:
        raise ValueError(f"PBACluster {cluster.namespace}/{cluster.name} has no frontend")
    return cluster.spec.frontend


def _process(frontend: Frontend) -> dict[str, object]:
    """Return what is said of HAProxy as a whole, and for all of its sections."""
    log_all = frontend.access_log == ALL
    return {
        "max_files": MAX_FILES,
        "threads": THREADS,
        "drain_seconds": timing.client_drain_seconds(frontend),
        "max_glitches": overload.MAX_GLITCHES,
        "counters": len(Counter),
        "tls_global": indented(tls.global_lines(frontend.tls)),
        "time_limits": indented(timing.limits(frontend.timeouts)),
        "attempts": frontend.retries.attempts,
        "log": _LOG,
        "line_bytes": _LINE_BYTES,
        "logged": "it has one" if log_all else "those that did not end well have one",
        "log_level": "info" if log_all else "err",
    }


def _frontend_rules(frontend: Frontend, pages: Mapping[str, str]) -> dict[str, object]:
    """Return what clients meet: the sections of frontends, and of what these count."""
    bind_options = origin.bind_options(frontend)
    ready = f"{{ str({sidecar.READY}) -m str -f {sidecar.FLAGS} }}"
    return {
        "error_pages": indented(errors.rules(pages)),
        "bind_options": bind_options,
        "tls_bind": indented(tls.bind_lines(frontend.tls, bind_options)),
        "max_clients": overload.MAX_CLIENTS,
        "proxy_protocol": indented(origin.proxy_protocol(frontend)),
        "connections": indented(overload.connection_rules(frontend)),
        "tls_response": indented(tls.response_lines(frontend.tls)),
        "early": indented(early.frontend_rules()),
        "origin": indented(origin.frontend_rules(frontend)),
        "all_requests": indented(overload.frontend_rules()),
        "hygiene": indented(hygiene.FRONTEND_RULES),
        "access": indented(admission.access(frontend)),
        "tls_request": indented(tls.request_lines(frontend.tls)),
        "compression": indented(compression.frontend_rules(frontend)),
        "client_limits": indented(overload.client_rules(frontend)),
        "floor": indented(floor.frontend_rules(frontend)),
        "paths": indented(paths.frontend_rules(frontend.paths)),
        "maintenance": indented(admission.maintenance(frontend, pages)),
        "trial": indented(trials.frontend_rules(frontend)),
        "others_health": indented(others.health(frontend)),
        "readiness": admission.readiness(frontend, ready),
        "request_tables": "\n".join(overload.sections(frontend.limits)),
    }


def _backend_rules(cluster: Cluster, frontend: Frontend) -> dict[str, object]:
    """Return what nodes meet: the sections of backends, and of what these count."""
    bound = frontend.session_affinity
    host = quoted(names.service_host(names.service(cluster.name), cluster.namespace))
    cookies = affinity.cookie_rules(
        bound, cluster.uid, secure=tls.is_alone(frontend.tls), proxied=bool(frontend.trusted_proxy_cidrs)
    )
    return {
        "retry_table": "\n".join(retries.sections(frontend.retries)),
        "answering_table": "\n".join(answering.sections()),
        "answering": indented(answering.backend_rules()),
        "others": "\n".join(others.sections(host)),
        "trials": "\n".join(trials.sections(frontend)),
        "algorithm": indented(affinity.algorithm(bound)),
        "affinity": indented(cookies),
        "node_limits": indented(overload.backend_rules()),
        "path_timeouts": indented(paths.backend_rules(frontend.paths)),
        "retry_rules": indented(retries.backend_rules(frontend.retries, bound)),
        "trial_rules": indented(trials.backend_rules()),
        "floor_node": indented(floor.backend_rules()),
        "check_path": quoted(cluster.spec.application.probes.readiness.path),
        "check_host": host,
        "check_limit": timing.check(frontend.checks),
    }


def render(cluster: Cluster, pages: Mapping[str, str] = _NO_PAGES) -> str:
    """Return the text of haproxy.cfg, for a PBACluster with a frontend.

    Args:
        cluster: the PBACluster.
        pages: the user's own pages that can be shown, by key.
    """
    frontend = _frontend(cluster)
    text = _TEMPLATE.substitute(
        {
            **_NAMES,
            **_process(frontend),
            **_frontend_rules(frontend, pages),
            **_backend_rules(cluster, frontend),
        }
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
