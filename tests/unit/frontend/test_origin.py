from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pba_lab.shop import shop

from pba_operator.domain.frontend import haproxy_cfg, origin

LIST = "/etc/haproxy-pba/trusted-proxies.lst"


def configuration(**frontend: Any) -> list[str]:
    return [line.strip() for line in haproxy_cfg.render(shop("default", frontend)).splitlines()]


def test_without_trusted_proxies_no_list_is_read_and_none_is_there() -> None:
    assert list(haproxy_cfg.files(shop("default"))) == ["haproxy.cfg"]
    assert not [line for line in configuration() if ".lst" in line or "set-src" in line]


def test_each_list_that_is_read_lies_beside_it() -> None:
    cluster = shop("default", {"trustedProxyCIDRs": ["10.0.0.0/8"], "proxyProtocol": "Accept"})
    files = haproxy_cfg.files(cluster)
    read = set(re.findall(r"-f /etc/haproxy-pba/(\S+)", files["haproxy.cfg"]))
    assert read == set(files) - {"haproxy.cfg"} == {"trusted-proxies.lst"}
    assert haproxy_cfg.config_map(cluster)["data"] == files


@pytest.mark.parametrize(
    ("fields", "binds", "rules"),
    [
        ({}, ["bind :8080", "bind :::8080 v6only"], []),
        ({"proxyProtocol": "Accept"}, ["bind :8080 accept-proxy", "bind :::8080 v6only accept-proxy"], []),
        (
            {"proxyProtocol": "Accept", "trustedProxyCIDRs": ["10.0.0.0/8"]},
            ["bind :8080", "bind :::8080 v6only"],
            ["tcp-request connection expect-proxy layer4 if { src -f /etc/haproxy-pba/trusted-proxies.lst }"],
        ),
    ],
)
def test_the_proxy_protocol_is_asked_of_all_or_of_the_trusted(
    fields: dict[str, Any], binds: list[str], rules: list[str]
) -> None:
    lines = configuration(**fields)
    assert [line for line in lines if line.startswith("bind") and ":8080" in line] == binds
    assert [line for line in lines if "expect-proxy" in line] == rules


@pytest.mark.parametrize(
    ("cidr", "line"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_written_as_what_clients_come_from(cidr: str, line: str) -> None:
    assert origin.networks([cidr]) == f"{line}\n"


@given(st.lists(st.ip_addresses(v=4) | st.ip_addresses(v=6), max_size=5), st.integers(0, 32))
def test_a_list_has_a_line_for_each_network(addresses: list[Any], length: int) -> None:
    lines = origin.networks(f"{address}/{length}" for address in addresses).splitlines()
    assert len(lines) == len(addresses)
    for address, line in zip(addresses, lines, strict=True):
        assert address in ipaddress.ip_network(line)


@pytest.mark.parametrize("cidr", ["10.0.0.0/8\nevil", "nowhere", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(cidr: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        origin.networks([cidr])
