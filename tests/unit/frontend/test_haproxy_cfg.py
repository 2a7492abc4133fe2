from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_api.fields import fields_of
from pba_api.markers import Number
from pba_api.parse import parse_spec
from pba_api.types import Backend
from pba_operator.domain.frontend.haproxy_cfg import MAX_CLIENTS, MAX_FILES, quoted, render
from pba_operator.domain.model import Cluster


def configuration(path: str = "/healthz", timeout: int = 5) -> str:
    spec = {
        "application": {"image": "a:1", "probes": {"readiness": {"path": path, "timeoutSeconds": timeout}}},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
        "backend": {},
        "frontend": {"image": "haproxy:3.0.11"},
    }
    return render(Cluster("shop-space", "shop", "uid", 1, False, (), parse_spec(spec), {}))


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_no_server_stands_in_it() -> None:
    assert not [
        line
        for line in lines(configuration())
        if line.startswith(("server ", "server-template", "default-server"))
    ]


@pytest.mark.parametrize(
    "line",
    [
        "stats socket /run/haproxy/admin.sock mode 600 level admin",
        "balance leastconn",
        "option redispatch 1",
        "retries 3",
        "retry-on conn-failure empty-response junk-response response-timeout 500 502 503 504",
        "http-request disable-l7-retry unless { var(txn.trial) -m found }",
        "option http-server-close",
        "timeout connect 500ms",
        "timeout client 60s",
        "timeout server 60s",
        "timeout queue 5s",
        "timeout http-request 10s",
        "hard-stop-after 90s",
        "nbthread 2",
    ],
)
def test_what_was_decided_stands_in_it(line: str) -> None:
    assert line in lines(configuration())


@pytest.mark.parametrize(("given", "level"), [({}, "err"), ({"accessLog": "All"}, "info")])
def test_requests_that_end_well_are_logged_where_that_is_asked_for(given: dict[str, str], level: str) -> None:
    spec = {
        "application": {"image": "a:1"},
        "database": {"image": "mysql:9.7.4", "storage": {"size": "1Gi"}},
        "backend": {},
        "frontend": {"image": "haproxy:3.0.11", **given},
    }
    text = render(Cluster("shop-space", "shop", "uid", 1, False, (), parse_spec(spec), {}))
    public = lines(text.partition("\nfrontend public\n")[2])
    assert [line for line in public if line.startswith("log stdout")] == [
        f"log stdout format raw local0 {level}"
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
        "bind :::8080 v4v6",
        "bind :8080",
        "bind :::8405 v4v6",
        "bind :8405",
    ]


def test_checks_ask_what_the_kubelet_asks() -> None:
    text = configuration("/ready?deep=1", 7)
    assert (
        "http-check send meth GET uri '/ready?deep=1' ver HTTP/1.1 "
        "hdr Host 'shop.shop-space.svc' hdr User-Agent pba-frontend"
    ) in lines(text)
    assert "timeout check 7s" in lines(text)


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
