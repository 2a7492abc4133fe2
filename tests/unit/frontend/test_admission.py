from __future__ import annotations

from typing import Any

import pytest
from pba_lab.shop import shop

from pba_operator.domain.frontend import haproxy_cfg

DENIES = "http-request deny if { src -f /etc/haproxy-pba/denied-networks.lst }"
ALLOWS = "http-request deny unless { src -f /etc/haproxy-pba/allowed-networks.lst }"


def lines(**frontend: Any) -> list[str]:
    text = haproxy_cfg.render(shop("default", frontend))
    return [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("access", "rules"),
    [
        ({}, []),
        ({"denyCIDRs": ["10.0.0.0/8"]}, [DENIES]),
        ({"allowCIDRs": ["10.0.0.0/8"]}, [ALLOWS]),
        ({"allowCIDRs": ["10.0.0.0/8"], "denyCIDRs": ["10.1.0.0/16"]}, [DENIES, ALLOWS]),
    ],
)
def test_clients_are_let_in_by_lists_that_lie_beside_it(access: dict[str, Any], rules: list[str]) -> None:
    assert [
        line for line in lines(access=access) if line.startswith("http-request deny ") and "src" in line
    ] == rules
    files = haproxy_cfg.files(shop("default", {"access": access}))
    assert {name for name in files if name.endswith(".lst")} == {
        name for name in ("allowed-networks.lst", "denied-networks.lst") if name in " ".join(rules)
    }


def test_a_list_is_asked_about_the_client_that_a_proxy_tells_of() -> None:
    made = lines(access={"denyCIDRs": ["10.0.0.0/8"]}, trustedProxyCIDRs=["192.0.2.0/24"])
    assert made.index(DENIES) > max(number for number, line in enumerate(made) if "set-src" in line)


def test_maintenance_answers_everybody_who_is_let_in_and_needs_no_node_to_be_ready() -> None:
    made = lines(access={"denyCIDRs": ["10.0.0.0/8"]}, maintenance=True)
    (page,) = [line for line in made if line.startswith("http-request return status 503 content-type")]
    assert "hdr Retry-After 60" in page
    assert made.index(page) > made.index(DENIES)
    assert "http-request return status 200 if { path /ready }" in made
    assert "http-request return status 200 if { path /ready }" not in lines()


def test_compression_is_asked_for() -> None:
    assert "compression algo gzip" in lines(compression=True)
    assert not [line for line in lines() if line.startswith("compression")]
