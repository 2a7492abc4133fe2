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


SAID_OF_ITSELF = {
    "OWASP, web security testing guide: bypassing authorization, host header injection": (
        "X-Originating-IP X-Forwarded-For X-Forward-For X-Remote-IP X-Remote-Addr X-Client-IP X-Original-URL "
        "X-Rewrite-URL X-Host X-Forwarded-Server X-Forwarded-Host X-HTTP-Host-Override Forwarded"
    ),
    "Rails, ActionDispatch::RemoteIp, and Rack::Request": (
        "Client-IP X-Forwarded-For X-Forwarded-Scheme X-Forwarded-Proto X-Forwarded-SSL X-Forwarded-Port"
    ),
    "PHP, the usual getRealIpAddr, and phpMyAdmin's": (
        "Client-IP X-Forwarded-For X-Forwarded X-Cluster-Client-IP Forwarded-For Forwarded X-Real-IP X-Coming-From "
        "Coming-From Proxy"
    ),
    "PHP frameworks: Symfony, Zend, Yii, WordPress behind Cloudflare": (
        "X-Original-URL X-Rewrite-URL Front-End-Https X-ProxyUser-Ip X-Proxy-User-Ip X-Forwarded-Prefix CF-Visitor "
        "HTTPS"
    ),
    "Java, the usual getIpAddr, and WebLogic's and WebSphere's plug-ins": (
        "X-Forwarded-For Proxy-Client-IP WL-Proxy-Client-IP HTTP_X_FORWARDED_FOR HTTP_X_FORWARDED "
        "HTTP_X_CLUSTER_CLIENT_IP HTTP_CLIENT_IP HTTP_FORWARDED_FOR HTTP_FORWARDED REMOTE_ADDR WL-Proxy-SSL "
        "WL-Proxy-Client-Cert $WSRA $WSRH $WSSN $WSSP $WSIS $WSSC"
    ),
    "Python: gunicorn, django-ipware, the snippet ReverseProxied": (
        "X-Forwarded-Protocol X-Forwarded-Ssl Script-Name Path-Info X-Scheme X-Script-Name X-Forwarded-Server "
        "X-Cluster-Client-IP True-Client-IP"
    ),
    "Node, the package request-ip": (
        "X-Client-IP CF-Connecting-IP DO-Connecting-IP Fastly-Client-IP True-Client-IP X-Real-IP "
        "X-Cluster-Client-IP X-Forwarded Forwarded-For Appengine-User-IP CF-Pseudo-IPv4"
    ),
    "IIS and Azure": (
        "X-Original-URL X-Rewrite-URL Client-IP X-Original-Host X-Original-For X-Original-Proto Disguised-Host "
        "X-Azure-ClientIP X-Azure-SocketIP X-Arr-Ssl X-AppService-Proto X-WAWS-Unencoded-URL X-Client-Port"
    ),
    "other CDNs, clouds and proxies": (
        "CF-Connecting-IPv6 Fly-Client-IP Fly-Forwarded-Proto Fastly-SSL X-Appengine-User-IP X-Appengine-Remote-Addr "
        "CloudFront-Viewer-Address CloudFront-Forwarded-Proto X-Vercel-Forwarded-For X-Nf-Client-Connection-Ip "
        "Incap-Client-IP X-Sucuri-ClientIP Ali-Cdn-Real-Ip Cdn-Src-Ip X-Envoy-External-Address X-Envoy-Original-Path "
        "X-Envoy-Original-Host X-Replaced-Path X-Original-Forwarded-For X-Original-Forwarded-Proto X-Url-Scheme "
        "X-Original-Uri X-Forwarded-Uri X-Forwardedfor"
    ),
    "lists for trying to get past a 403": (
        "X-Forwarder-For X-Originally-Forwarded-For X-Original-Remote-Addr X-True-IP X-Proxy-Url X-Override-URL "
        "X-HTTP-DestinationURL Proxy-Host Real-Ip Forwarded-For-Ip X-Forwarded-For-Original X-Forwarded-By X-Forward"
    ),
}
"""In which headers programs look for a client's address, host, scheme or path, by who says so or who sends them."""

SENT_BY_ORDINARY_CLIENTS = (
    "Host User-Agent Accept Accept-Language Accept-Encoding Cookie Authorization Referer Origin From Via Range "
    "If-None-Match Content-Type Content-Length Transfer-Encoding Destination Depth Max-Forwards Expect DNT Priority "
    "Upgrade-Insecure-Requests Sec-Fetch-Site Sec-CH-UA-Platform Sec-WebSocket-Key Save-Data Traceparent X-Request-Id "
    "X-Amzn-Trace-Id X-B3-TraceId X-Requested-With X-CSRF-Token X-XSRF-TOKEN X-HTTP-Method-Override X-PJAX "
    "HX-Current-URL SOAPAction X-Api-Key X-User-Id X-Client-Id Client-Id X-Client-Version X-Client-Data X-Client-Name "
    "X-Client-Info X-Real-Name X-Remote-User X-Source X-Source-Id X-Proxy-Id X-Host-Id X-RapidAPI-Host X-Wap-Profile "
    "X-Original-Filename X-Path X-Tooltip X-Zip X-Client-Zip X-Transport X-Report X-Scheme-Id X-Hub-Signature-256 "
    "PSU-IP-Address X-FAPI-Customer-IP-Address X-Customer-IP X-Email-Address Shipping-Address Idempotency-Key"
)


@pytest.fixture(scope="module")
def taken_away() -> re.Pattern[str]:
    """The names of headers that are taken from requests first of all."""
    [line, *_] = [line for line in configuration() if line.startswith("http-request del-header '")]
    return re.compile(line.removeprefix("http-request del-header '").removesuffix("' -m reg"))


@pytest.mark.parametrize("source", SAID_OF_ITSELF)
@pytest.mark.parametrize("separator", "-_.")
def test_what_programs_believe_of_a_client_is_not_passed_on_in_any_spelling(
    taken_away: re.Pattern[str], source: str, separator: str
) -> None:
    names = [re.sub("[-_]", separator, name.lower()) for name in SAID_OF_ITSELF[source].split()]
    assert [name for name in names if not taken_away.search(name)] == []


def test_what_ordinary_clients_send_is_passed_on(taken_away: re.Pattern[str]) -> None:
    names = SENT_BY_ORDINARY_CLIENTS.lower().split()
    assert [name for name in names if taken_away.search(name)] == []
