from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pba_lab.shop import shop

from pba_api.fields import fields_of
from pba_api.markers import Number
from pba_api.types import Backend
from pba_operator.domain.frontend.haproxy_cfg import MAX_FILES, render
from pba_operator.domain.frontend.overload import MAX_CLIENTS, MAX_REQUESTS, MAX_WAITING
from pba_operator.domain.frontend.words import quoted


def configuration(path: str = "/healthz", **frontend: Any) -> str:
    return render(shop("shop-space", frontend, affinity={}, probes={"readiness": {"path": path}}))


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_no_node_stands_in_it_only_this_frontend_itself() -> None:
    assert [
        line
        for line in lines(configuration())
        if line.startswith(("server ", "server-template", "default-server"))
    ] == [
        "server this 127.0.0.1:8405",
        "server try unix@/run/haproxy/try.sock send-proxy-v2 weight 0",
        "server again unix@/run/haproxy/again.sock send-proxy-v2",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "stats socket /run/haproxy/admin.sock mode 600 level admin",
        "balance leastconn",
        "option redispatch 1",
        "retries 3",
        "retry-on conn-failure empty-response junk-response response-timeout 500 502 503 504",
        "option http-server-close",
        "timeout connect 500ms",
        "timeout client 60s",
        "timeout server 60s",
        "timeout queue 5s",
        "timeout http-request 10s",
        "hard-stop-after 95s",
        "nbthread 2",
    ],
)
def test_what_was_decided_stands_in_it(line: str) -> None:
    assert line in lines(configuration())


@pytest.mark.parametrize("tls", [{}, {"tls": {"secretRefs": [{"name": "shop-tls"}]}}])
def test_time_limits_are_those_of_the_spec_with_tls_as_without(tls: dict[str, Any]) -> None:
    limits = {"connectMilliseconds": 70, "clientSeconds": 8, "serverSeconds": 300, "queueSeconds": 2}
    text = render(shop("shop-space", {"timeouts": limits, **tls}, affinity={}))
    times = [line for line in lines(text) if line.startswith(("timeout", "hard-stop"))]
    assert times == [
        "hard-stop-after 332s",
        "timeout connect 70ms",
        "timeout client 8s",
        "timeout client-fin 10s",
        "timeout client-hs 8s",
        "timeout http-request 8s",
        "timeout http-keep-alive 10000ms",
        "timeout queue 2s",
        "timeout server 300s",
        "timeout tunnel 1h",
        "timeout client 5s",
        "timeout check 500ms",
        "timeout server 1202s",
        "timeout check 2000ms",
    ]


def test_only_safe_methods_are_sent_again_and_only_while_the_budget_lasts() -> None:
    text = lines(configuration(retries={"attempts": 5, "budgetPercent": 30}))
    assert {
        "retries 5",
        "acl is_safe method GET HEAD OPTIONS",
        "http-request set-var(txn.retries) sc_http_req_rate(2),mul(30),div(100),add(100)",
        "http-request set-var(txn.foreseen) int(0),table_http_req_rate(foreseen)",
        "acl is_spent sc_gpc_rate(0,2),add(txn.foreseen),sub(txn.retries) ge 0",
        "http-request disable-l7-retry if !is_safe or is_spent",
    } <= set(text)


@pytest.mark.parametrize(
    ("affinity", "errors"), [("None", " 500 502 503 504"), ("Cookie", ""), ("ClientIP", "")]
)
def test_an_error_is_asked_elsewhere_only_where_nobody_is_bound_to_a_node(affinity: str, errors: str) -> None:
    nodes = configuration(sessionAffinity={"type": affinity}).partition("\nbackend nodes\n")[2]
    assert f"    retry-on conn-failure empty-response junk-response response-timeout{errors}\n" in nodes


def test_without_a_budget_nothing_is_sent_again_and_nothing_is_counted() -> None:
    text = lines(configuration(retries={"budgetPercent": 0}))
    assert "http-request disable-l7-retry" in text
    assert not [line for line in text if "table retries" in line or "track-sc2" in line or "gpc" in line]
    assert "backend retries" not in text


def test_what_waits_is_bounded_and_leaves_connections_for_others() -> None:
    assert MAX_WAITING < MAX_CLIENTS
    assert f"http-request deny status 503 default-errorfiles if {{ queue gt {MAX_WAITING} }}" in lines(
        configuration()
    )


def test_requests_are_counted_before_anything_may_hold_them() -> None:
    public = lines(configuration().partition("\nfrontend public\n")[2])
    counted = public.index("http-request track-sc1 int(0) table requests")
    assert public[counted + 1].startswith("http-request return status 503 ")
    assert public[counted + 1].endswith(f" if {{ sc_conn_cur(1) gt {MAX_REQUESTS} }}")
    first = next(
        number
        for number, line in enumerate(public)
        if line.startswith(
            ("http-request deny", "http-request redirect", "http-request wait", "http-request return")
        )
    )
    assert first == counted + 1


def test_clients_are_counted_only_if_they_are_limited() -> None:
    assert not [
        line for line in lines(configuration()) if "deny status 429" in line or "table clients" in line
    ]
    text = lines(configuration(limits={"requestsPerClientPerSecond": 7}))
    table = "stick-table type ipv6 size 100000 expire 10s store http_req_rate(1s)"
    assert text[text.index("backend clients") + 1] == f"{table},gpc(1),gpc_rate(1,1s)"
    assert text[text.index("backend elsewhere") + 1] == table
    assert "http-request track-sc0 src,ipmask(32,64) table clients" in text
    assert "http-request set-var(txn.part) sc_http_req_rate(0),mul(7)" in text
    assert "http-request deny status 429 default-errorfiles if is_too_often" in text
    assert not [line for line in text if "sc_conn_cur(0)" in line]


def test_what_clients_have_under_way_is_counted_only_if_it_is_limited() -> None:
    text = lines(configuration(limits={"requestsPerClient": 7}))
    table = "stick-table type ipv6 size 100000 expire 10s store conn_cur"
    assert text[text.index("backend clients") + 1] == table
    assert "http-request deny status 429 default-errorfiles if { sc_conn_cur(0) gt 7 }" in text
    assert not [
        line for line in text if "gpc(1)" in line or line == "backend elsewhere" or "too_often" in line
    ]
    both = lines(configuration(limits={"requestsPerClient": 7, "requestsPerClientPerSecond": 9}))
    assert f"{table},http_req_rate(1s),gpc(1),gpc_rate(1,1s)" in both
    assert both.index("http-request sc-inc-gpc(0,0)") > both.index(
        "http-request deny status 429 default-errorfiles if { sc_conn_cur(0) gt 7 }"
    ), "what is refused does not count as let through"


@pytest.mark.parametrize(("given", "level"), [({}, "err"), ({"accessLog": "All"}, "info")])
def test_requests_that_end_well_are_logged_where_that_is_asked_for(given: dict[str, str], level: str) -> None:
    public = lines(configuration(**given).partition("\nfrontend public\n")[2])
    assert [line for line in public if line.startswith("log stdout")] == [
        f"log stdout len 2048 format raw local0 {level}"
    ]


def test_files_suffice_for_all_clients_and_the_checks_of_all_nodes_twice_over() -> None:
    [replicas] = [field for field in fields_of(Backend) if field.name == "replicas"]
    bounds = replicas.shape.mark(Number)
    assert bounds is not None
    assert bounds.maximum is not None
    assert 2 * MAX_CLIENTS + 2 * bounds.maximum + 100 <= MAX_FILES
    assert {f"fd-hard-limit {MAX_FILES}", f"maxconn {MAX_CLIENTS}"} <= set(lines(configuration()))


def test_no_administration_over_tcp() -> None:
    binds = [line for line in lines(configuration()) if line.startswith(("bind", "stats"))]
    assert binds == [
        "stats socket /run/haproxy/admin.sock mode 600 level admin",
        "stats timeout 10s",
        "bind :8080",
        "bind :::8080 v6only",
        "bind :::8405 v4v6",
        "bind :8405",
        "bind unix@/run/haproxy/try.sock mode 600 accept-proxy",
        "bind unix@/run/haproxy/again.sock mode 600 accept-proxy",
    ]


def test_checks_ask_what_the_kubelet_asks() -> None:
    text = configuration("/ready?deep=1", checks={"timeoutMilliseconds": 70})
    assert (
        "http-check send meth GET uri '/ready?deep=1' ver HTTP/1.1 "
        "hdr Host 'shop.shop-space.svc' hdr User-Agent pba-frontend"
    ) in lines(text)
    assert "timeout check 70ms" in lines(text)


@pytest.mark.parametrize(
    "path", ["/a b", "/'; stats socket /tmp/x", '/"${HOME}"', "/\\", "/#x", "/%[env(HOME)]", "/$x"]
)
def test_a_hostile_path_stays_one_word(path: str) -> None:
    assert shlex.split(quoted(path), comments=True) == [path]


@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc", "Cf", "Zl", "Zs")),
        min_size=1,
    )
)
def test_quoting_carries_every_printable_word(word: str) -> None:
    assert shlex.split(quoted(word)) == [word]


@pytest.mark.parametrize("word", ["/a\nbackend evil", "/\0", "/\r"])
def test_a_line_break_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        quoted(word)


def test_a_frontend_without_a_node_gives_way_but_for_maintenance() -> None:
    rule = "http-request return status 503 if { path /ready } { nbsrv(nodes) eq 0 } { nbsrv(others) gt 1 }"
    assert rule in lines(configuration())
    assert rule not in lines(configuration(maintenance=True)), "the page needs no node"
    for made in (configuration(), configuration(maintenance=True)):
        (told,) = [line for line in lines(made) if "{ path /serves }" in line]
        assert told.startswith("http-request return status 200 if")
        assert "!{ str(stopping)" in told, "one that goes does not have others give way"
