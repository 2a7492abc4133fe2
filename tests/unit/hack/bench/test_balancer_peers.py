"""The peers are what they are said to be: the same HAProxy without what a sidecar needs, and others without retries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pba_hack.bench.balancer import frontend
from pba_hack.bench.balancer.peers import caddy, envoy, haproxy, nginx
from pba_operator.domain.frontend import haproxy_cfg

NODES = ("10.0.0.1:8080", "10.0.0.2:8080")

BY_HAND = {
    "log global",  # the operator logs into memory, too; what went well has no line in either log
    "option httplog",
    "option dontlog-normal",
    "retries 0",  # nothing is tried again in the bench
    "frontend web",
}
"""Lines of the file that are not the operator's; all others are, word for word."""


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip()}


def test_the_static_haproxy_treats_requests_as_the_operators_does() -> None:
    operators = lines(haproxy_cfg.render(frontend.cluster(frontend.ONCE)))
    own = lines(haproxy.configuration(NODES)) - operators
    servers = {line for line in own if line.startswith("server ")}
    checks = {line for line in own if line.startswith("http-check send ")}  # to another host's name
    assert own - servers - checks == BY_HAND
    assert [line.split()[2] for line in sorted(servers)] == list(NODES)
    assert [line.rpartition(" hdr Host ")[0] for line in checks] == [
        "http-check send meth GET uri /healthz ver HTTP/1.1"
    ]


@pytest.mark.parametrize("word", ["ring", "map", "trial", "-f ", "retry-on", "use-server"])
def test_the_static_haproxy_has_nothing_that_only_a_sidecar_needs(word: str) -> None:
    assert word not in haproxy.configuration(NODES)
    assert word in haproxy_cfg.render(frontend.cluster(frontend.ONCE))


def test_a_peer_of_haproxy_differs_in_what_its_name_says() -> None:
    plain = lines(haproxy.configuration(NODES))
    assert lines(haproxy.configuration(NODES, balance="random(2)")) - plain == {"balance random(2)"}
    assert lines(haproxy.configuration(NODES, connections=haproxy.KEPT_CONNECTIONS)) - plain == {
        "http-reuse safe"
    }
    observed = lines(haproxy.configuration(NODES, server=haproxy.OBSERVED)) - plain
    assert len(observed) == len(NODES)
    assert all(line.endswith("observe layer7 error-limit 10 on-error mark-down") for line in observed)


@pytest.mark.parametrize("policy", [envoy.LEAST_REQUEST, envoy.ROUND_ROBIN])
def test_envoy_has_all_nodes_and_no_retries(policy: str) -> None:
    made = envoy.configuration(NODES, 1234, policy)
    text = json.dumps(made)
    assert "retry_policy" not in text
    (cluster,) = made["static_resources"]["clusters"]
    (locality,) = cluster["load_assignment"]["endpoints"]
    found = [one["endpoint"]["address"]["socket_address"] for one in locality["lb_endpoints"]]
    assert [f"{one['address']}:{one['port_value']}" for one in found] == list(NODES)
    assert policy in text


def test_what_is_safe_is_tried_again_where_it_is_said() -> None:
    added = lines(haproxy.configuration(NODES, retries=True)) - lines(haproxy.configuration(NODES))
    assert added == {
        "retries 3",
        "option redispatch 1",
        "retry-on all-retryable-errors",
        "http-request disable-l7-retry unless METH_GET",
    }
    assert f"proxy_next_upstream {nginx.SAFE};" in lines(
        nginx.configuration(NODES, 1, Path("/"), retries=True)
    )
    assert "method GET HEAD" in lines(caddy.configuration(NODES, 1, retries=True))
    (listener,) = envoy.configuration(NODES, 1, envoy.ROUND_ROBIN, retries=True)["static_resources"][
        "listeners"
    ]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    safe, others = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert safe["match"]["headers"][0]["string_match"] == {"safe_regex": {"regex": "GET|HEAD"}}
    assert others["route"]["retry_policy"]["retry_on"] == envoy.NEVER_SENT


def test_clients_stay_on_their_nodes_where_it_is_said() -> None:
    added = lines(haproxy.configuration(NODES, cookie=True)) - lines(haproxy.configuration(NODES))
    assert "cookie bench insert indirect nocache httponly" in added
    assert {line.rpartition(" cookie ")[2] for line in added if line.startswith("server ")} == {
        "node-0",
        "node-1",
    }
    assert "lb_policy cookie bench {" in lines(caddy.configuration(NODES, 1, cookie=True))
    made = envoy.configuration(NODES, 1, envoy.LEAST_REQUEST, cookie=True)
    (listener,) = made["static_resources"]["listeners"]
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    assert [one["name"] for one in filters] == ["session", "router"]


def test_a_picker_is_asked_for_each_request_and_told_of_each_answer() -> None:
    added = lines(haproxy.configuration(NODES, picker=haproxy.PICKER)) - lines(haproxy.configuration(NODES))
    assert added == {
        f"lua-load-per-thread {haproxy.PICKER}",
        "http-response lua.answered",
        "use-server %[lua.pick] if TRUE",
    }


def test_nginx_has_all_nodes_and_tries_no_other() -> None:
    made = lines(nginx.configuration(NODES, 1234, Path("/folder")))
    assert {f"server {node} max_fails=5 fail_timeout=5s;" for node in NODES} <= made
    assert {"proxy_next_upstream off;", "least_conn;", "listen 127.0.0.1:1234 reuseport;"} <= made


def test_caddy_has_all_nodes_and_tries_none_twice() -> None:
    made = lines(caddy.configuration(NODES, 1234))
    assert {f"reverse_proxy {' '.join(NODES)} {{", "lb_retries 0", "admin off"} <= made
