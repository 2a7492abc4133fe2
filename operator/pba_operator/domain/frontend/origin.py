r"""Where a request comes from: the client's address, and what the application is told of it.

What must stay true:
- nothing that a client says of where it comes from, or of what it asked for beside its request, reaches the application
  in a header that programs are known to believe, in no spelling that CGI, WSGI or PHP would take for the header (they
  make `X-Forwarded-For` and `X_Forwarded_For` one variable);
- what common proxies pass on as the client said it is not believed, whoever brings it: Envoy does so with
  X-Forwarded-Host. They leave `Host` as it came, so that is what the application is told;
- a proxy is believed because of its address alone. Each entry of X-Forwarded-For was written by the hop after it, so
  it is read from the right, and the first hop that is no proxy of ours ends what is believed;
- what follows these lines (log, access lists, limits) finds the client's address in `src`;
- HAProxy alone decides what belongs to one connection: a client's `Connection` could have a proxy in a node take away
  the headers that we set, and its `Upgrade: h2c` would take later requests past every rule.

Sources: HAProxy 3.0's configuration manual, `set-src`, `expect-proxy`; RFC 9110, 7.6.1 (Connection), 7.8 (Upgrade).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Final

from pba_api.types import Frontend
from pba_operator.domain.frontend.words import CAME_BY_TLS, CONFIG_FOLDER, quoted

PROXIES_FILE: Final = "trusted-proxies.lst"
FROM_PROXIES: Final = f"{{ src -f {CONFIG_FOLDER}/{PROXIES_FILE} }}"
"""The condition that a connection is a trusted proxy's, before its requests say whose they are."""

HOPS: Final = 8
"""How many proxies of the user's a request may have passed. HAProxy counts ten entries of a header from its end."""

_SEPARATOR: Final = "[^a-z0-9]"
_OF_WHOM: Final = (
    *("client", "real", "remote", "true", "connecting", "connection", "originating", "external", "pseudo"),
    *("socket", "src", "viewer", "proxy-?user", "appengine-user"),
)
_ADDRESS: Final = f"({'|'.join(_OF_WHOM)})-?(ip(v[46])?(-?addr(ess)?)?|addr(ess)?|port)"
_WHEREVER: Final = (_ADDRESS, "forwarded.*", "forward(er)?-for")
"""Whatever stands before them: CDNs put their own name there, and some programs ask for the variable `HTTP_...`."""
_ALONE: Final = (
    *("proxy", "proxy-(host|ssl|url)", "wl-proxy-.*", "[$]ws..", "x-ip", "x-forward", "coming-from"),
    *("x-host(-override)?", "(original|real|remote|http|proxy|envoy-original|disguised)-host(-override)?"),
    *("(original|rewrite|override|replaced|envoy-original|(waws-)?unencoded)-(url|uri|path)",),
    *("original-(for|proto|scheme|prefix)", "script-name", "path-info", "http-destinationurl"),
    *("https", "front-end-https", "cf-visitor", "x-(url-)?scheme", "x-ssl", "(arr|fastly)-ssl"),
    *("(x|appservice)-proto",),
)
"""These have no more before them than `X-` and `HTTP_`; `Proxy` is CGI's HTTP_PROXY (CVE-2016-5387)."""
_NOT_FROM_CLIENTS: Final = f"^((.*-)?({'|'.join(_WHEREVER)})|(http-)?(x-)?({'|'.join(_ALONE)}))$".replace(
    "-", _SEPARATOR
)
"""Headers in which proxies tell their nodes of a client's address, and of the host, scheme and path that it asked for.

The names are those that programs are known to believe, or CDNs and proxies to send: an application that is asked by
others' programs may have headers of its own for addresses (`PSU-IP-Address`), and those are not ours to take away.
"""
_MISSPELT_IDENTIFIER: Final = "^x(-request[^a-z0-9-]|[^a-z0-9-]request[^a-z0-9])id$"

_IPV4_OF_ANY_FORM: Final = r'regsub("^(::ffff:)?([0-9.]+)(:[0-9]+)?$","\2",i)'
_IPV6_IN_BRACKETS: Final = r'regsub("^\[([0-9a-f:.]+)\](:[0-9]+)?$","\1",i)'
"""Some proxies write the port, too."""

_CONNECTION: Final = (
    "acl upgrades req.hdr(Connection) -m str -i upgrade",
    "acl to_websocket req.fhdr(Upgrade) -m str -i websocket",
    "http-request set-header Connection upgrade if upgrades to_websocket",
    "http-request del-header Connection unless upgrades to_websocket",
    "http-request del-header Upgrade unless upgrades to_websocket",
    "http-response set-var(txn.upgraded) str(websocket) if { status 101 }",
)


def networks(cidrs: Iterable[str]) -> str:
    """Return networks as a list in a file of HAProxy's.

    IPv4 in the notation of IPv6 is written as what clients come from.

    Raises:
        ValueError: one is no network (the schema refuses it before, and so does `cluster.read`).
    """
    lines = []
    for cidr in cidrs:
        network = ipaddress.ip_network(cidr, strict=False)
        mapped = network.network_address.ipv4_mapped if network.version == 6 else None  # noqa: PLR2004 - IPv6
        if mapped is not None and network.prefixlen >= 96:  # noqa: PLR2004 - what stands before IPv4's 32 bits
            network = ipaddress.ip_network((mapped, network.prefixlen - 96))
        lines.append(f"{network}\n")
    return "".join(lines)


def files(frontend: Frontend) -> Mapping[str, str]:
    """Return the lists that the lines read."""
    return {PROXIES_FILE: networks(frontend.trusted_proxy_cidrs)} if frontend.trusted_proxy_cidrs else {}


def proxy_protocol(frontend: Frontend) -> tuple[str, ...]:
    """Return the rule by which connections of the trusted proxies begin with PROXY's header."""
    if frontend.proxy_protocol == "Accept" and frontend.trusted_proxy_cidrs:
        return (f"tcp-request connection expect-proxy layer4 if {FROM_PROXIES}",)
    return ()


def bind_options(frontend: Frontend) -> str:
    """Return what `bind` needs where every connection begins with PROXY's header."""
    everybody = frontend.proxy_protocol == "Accept" and not frontend.trusted_proxy_cidrs
    return " accept-proxy" if everybody else ""


def _hops() -> Iterable[str]:
    """Yield the rules that read X-Forwarded-For from the right, up to the first hop that is no proxy of ours."""
    trusted = f"-f {CONFIG_FOLDER}/{PROXIES_FILE}"
    came_by = "var(req.proxied) -m bool"
    for number in range(1, HOPS + 1):
        entry = f"req.hdr(X-Forwarded-For,-{number}),{_IPV4_OF_ANY_FORM},{_IPV6_IN_BRACKETS}"
        hop = f"req.hop{number}"
        yield f"http-request set-var({hop}) {quoted(entry)} if {{ {came_by} }}"
        yield f"http-request set-var(req.client) var({hop}) if {{ var({hop}) -m ip 0.0.0.0/0 ::/0 }}"
        yield (
            f'http-request set-var-fmt(req.forwarded) "%[var({hop})], %[var(req.forwarded)]" '
            f"if {{ var({hop}) -m ip 0.0.0.0/0 ::/0 }}"
        )
        came_by = f"var({hop}) -m ip {trusted}"


def _believed(frontend: Frontend) -> Iterable[str]:
    """Yield the rules that keep what trusted proxies say, and make their client ours."""
    if not frontend.trusted_proxy_cidrs:
        return
    yield "# What the user's own proxies say of their clients is believed, up to the first hop that is not one of them."
    yield f"http-request set-var(req.proxied) bool(true) if {FROM_PROXIES}"
    yield "acl proxied var(req.proxied) -m bool"
    yield "acl told_proto req.fhdr_cnt(X-Forwarded-Proto) eq 1"
    yield "http-request set-var(req.proto) req.fhdr(X-Forwarded-Proto),lower if proxied told_proto"
    yield "http-request set-var-fmt(req.forwarded) %[src]"
    yield from _hops()
    yield "http-request set-src var(req.client) if { var(req.client) -m found }"
    yield ""


def _told(frontend: Frontend) -> Iterable[str]:
    """Yield the rules that tell the application whom a request comes from."""
    trusts = bool(frontend.trusted_proxy_cidrs)
    host = "%[req.fhdr(Host)] if { req.fhdr(Host) -m found }"
    yield f"http-request del-header {quoted(_NOT_FROM_CLIENTS)} -m reg"
    yield f"http-request set-header X-Forwarded-For {'%[var(req.forwarded)]' if trusts else '%[src]'}"
    yield "http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]"
    yield f"http-request set-header X-Forwarded-Host {host}"
    if trusts:
        yield "http-request set-header X-Forwarded-Proto %[var(req.proto)] if { var(req.proto) -m str http https }"
        yield f"http-request set-var({CAME_BY_TLS}) bool(true) if {{ var(req.proto) -m str https }}"


def _identifier(frontend: Frontend) -> Iterable[str]:
    """Yield the rules that give each request its identifier: a trusted proxy's own, or a new one."""
    yield "unique-id-format %[uuid()]"
    yield f"http-request del-header {quoted(_MISSPELT_IDENTIFIER)} -m reg"
    if frontend.trusted_proxy_cidrs:
        yield "acl identified req.fhdr(X-Request-Id) -m reg ^[A-Za-z0-9._-]{1,64}$"
        yield "acl identified_once req.fhdr_cnt(X-Request-Id) eq 1"
        yield "http-request set-header X-Request-Id %[unique-id] unless proxied identified identified_once"
    else:
        yield "http-request set-header X-Request-Id %[unique-id]"
    yield "http-request set-var(txn.request_id) req.fhdr(X-Request-Id)"
    yield "http-after-response set-header X-Request-Id %[var(txn.request_id)]"


def frontend_rules(frontend: Frontend) -> tuple[str, ...]:
    """Return the rules of the clients' section; those that ask for `src` come after them."""
    return (
        "# Hop-by-hop headers are not passed on, except for the upgrade to WebSocket.",
        *_CONNECTION,
        "",
        *_believed(frontend),
        "# HAProxy alone tells the application where a request comes from.",
        *_told(frontend),
        "",
        *_identifier(frontend),
    )
