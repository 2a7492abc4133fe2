"""Envoy, with outlier detection as it is meant for this: what fails is ejected, and nothing is retried.

Sources: Envoy 1.40's reference of `config.cluster.v3.OutlierDetection` and of the load balancing policies.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pba_lab import proxies

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.peers.program import as_balancer
from pba_hack.binaries import binary

LEAST_REQUEST: Final = "least_request"
ROUND_ROBIN: Final = "round_robin"

_HTTP: Final = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_OTHER_HOSTS: Final = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
_ROUTE: Final = {"cluster": "nodes", "timeout": "60s"}
_SESSION: Final = "envoy.extensions.filters.http.stateful_session.v3.StatefulSession"
_COOKIE: Final = "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"
_ROUTER: Final = "envoy.extensions.filters.http.router.v3.Router"
_POLICIES: Final[Mapping[str, Mapping[str, Any]]] = {
    # Of all nodes the one with the fewest requests. As a rule Envoy looks at two by chance, which spreads worse and
    # sends a slow node more.
    LEAST_REQUEST: {
        "@type": "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
        "selection_method": "FULL_SCAN",
    },
    ROUND_ROBIN: {"@type": "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin"},
}
OUTLIERS: Final = {
    # As often as there are enough requests to judge by; 10 s if nothing is said.
    "interval": "1s",
    # A node that fails again and again is out at once, whatever the interval.
    "consecutive_5xx": 5,
    "enforcing_consecutive_5xx": 100,
    # A node that fails some of its requests, unlike the others. Of five nodes one that differs is 2 standard deviations
    # from the mean at most: 1.9, which it is if nothing is said, is hardly ever exceeded.
    "enforcing_success_rate": 100,
    "success_rate_minimum_hosts": 3,
    "success_rate_request_volume": 20,
    "success_rate_stdev_factor": 1500,
    # The same by a fixed share.
    "enforcing_failure_percentage": 100,
    "failure_percentage_threshold": 15,
    "failure_percentage_minimum_hosts": 3,
    "failure_percentage_request_volume": 20,
    # 30 s is what it is if nothing is said. Shorter is worse here: a node that still fails comes back, and fails more.
    "base_ejection_time": "30s",
    "max_ejection_percent": 50,
    # A node whose health path is well all the time is not well for that.
    "successful_active_health_check_uneject_host": False,
}


NEVER_SENT: Final = "connect-failure,refused-stream"
"""What is tried again of any request."""
SAFE: Final = f"{NEVER_SENT},reset,5xx"
"""What is tried again of GETs and HEADs."""


def configuration(
    addresses: Sequence[str], port: int, policy: str, *, retries: bool = False, cookie: bool = False
) -> Mapping[str, Any]:
    """Return Envoy's configuration (bootstrap).

    Args:
        addresses: HOST:PORT of each node.
        port: of 127.0.0.1, where it listens.
        policy: by which it chooses a node, `LEAST_REQUEST` or `ROUND_ROBIN`.
        retries: whether what is safe is tried again, elsewhere.
        cookie: whether clients stay on their nodes; one whose node is ejected, or that is tried again, goes to another.
    """
    routes = _retried() if retries else [{"match": {"prefix": "/"}, "route": _ROUTE}]
    clusters = [_cluster(addresses, policy)]
    listeners = [_listener(port, routes, [_BOUND] if cookie else [])]
    return {"static_resources": {"listeners": listeners, "clusters": clusters}}


def _retried() -> Sequence[Mapping[str, Any]]:
    """Return a route for GETs and HEADs, and one for all others."""

    def route(on: str, *headers: Mapping[str, Any]) -> Mapping[str, Any]:
        policy = {
            "retry_on": on,
            "num_retries": 3,
            "retry_host_predicate": [{"name": "other", "typed_config": _typed({"@type": _OTHER_HOSTS})}],
            "host_selection_retry_max_attempts": 5,
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.01s"},
        }
        return {
            "match": {"prefix": "/", "headers": headers},
            "route": {**_ROUTE, "retry_policy": policy},
        }

    method = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}
    return [route(SAFE, method), route(NEVER_SENT)]


def _listener(
    port: int, routes: Sequence[Mapping[str, Any]], filters: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    manager = {
        "stat_prefix": "web",
        "use_remote_address": True,  # the client's address is told to the node, none that it tells of itself
        "common_http_protocol_options": {"idle_timeout": "60s"},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [*filters, {"name": "router", "typed_config": _typed({"@type": _ROUTER})}],
    }
    chain = {"filters": [{"name": "http", "typed_config": _typed({"@type": _HTTP, **manager})}]}
    return {"name": "web", "address": _address("127.0.0.1", port), "filter_chains": [chain]}


def _cluster(addresses: Sequence[str], policy: str) -> Mapping[str, Any]:
    split = [address.rpartition(":") for address in addresses]
    nodes = [{"endpoint": {"address": _address(host, int(port))}} for host, _, port in split]
    check = {
        "timeout": "2s",
        "interval": "1s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 2,
        "http_health_check": {"path": "/healthz"},
    }
    extension = {"name": policy, "typed_config": _typed(_POLICIES[policy])}
    return {
        "name": "nodes",
        "type": "STATIC",
        "connect_timeout": "0.5s",
        "load_assignment": {"cluster_name": "nodes", "endpoints": [{"lb_endpoints": nodes}]},
        "load_balancing_policy": {"policies": [{"typed_extension_config": extension}]},
        "health_checks": [check],
        # Three retries at a time, for all requests together, if nothing is said.
        "circuit_breakers": {"thresholds": [{"max_retries": 1000}]},
        "outlier_detection": OUTLIERS,
    }


def _address(host: str, port: int) -> Mapping[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _typed(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**settings, "@type": f"type.googleapis.com/{settings['@type']}"}


_BOUND: Final = {
    "name": "session",
    "typed_config": _typed(
        {
            "@type": _SESSION,
            "session_state": {
                "name": "envoy.http.stateful_session.cookie",
                "typed_config": _typed({"@type": _COOKIE, "cookie": {"name": "bench", "path": "/"}}),
            },
        }
    ),
}


@contextlib.contextmanager
def running(
    addresses: Sequence[str], *, policy: str, retries: bool = False, cookie: bool = False
) -> Iterator[Balancer]:
    """Run it until the block ends; the arguments are those of `configuration`."""
    options = ("--concurrency", "2", "--disable-hot-restart", "--log-level", "warning", "-c")
    with proxies.running(
        lambda port, _folder: json.dumps(
            configuration(addresses, port, policy, retries=retries, cookie=cookie), indent=1
        ),
        lambda file: [str(binary("envoy")), *options, str(file)],
        name="envoy.json",
    ) as proxy:
        yield as_balancer(proxy)
