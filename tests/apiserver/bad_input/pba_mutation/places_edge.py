"""Where the fields that say who may come in, and by what way, must be seen in HAProxy's files."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pba_mutation import files
from pba_mutation.planning import NAME, Children, page
from pba_operator.domain.model import ChildId

Json = Mapping[str, Any]
Look = Callable[[Any, Json, Children], Iterator[str]]


def _listed(name: str) -> Look:
    """HAProxy has those networks in the list of this name, and no others."""

    def look(value: Any, _spec: Json, children: Children) -> Iterator[str]:
        seen = _haproxy_files(children).get(name, "").splitlines()
        wanted = [ipaddress.ip_network(network, strict=False) for network in value]
        if [ipaddress.ip_network(line) for line in seen] != wanted:
            yield f"{name} has {seen}, wanted {value}"

    return look


def _line(start: str) -> Look:
    """haproxy.cfg has a line that begins so, or none."""

    def look(value: Any, _spec: Json, children: Children) -> Iterator[str]:
        lines = files.words(_haproxy_files(children)["haproxy.cfg"])
        if any(" ".join(line).startswith(start) for line in lines) is not value:
            yield f"haproxy.cfg has a line {start!r}, or not, against {value}"

    return look


def _pages(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """HAProxy shows the pages of that ConfigMap."""
    seen = _haproxy_files(children).get("503.html")
    if seen != page(value["name"]):
        yield f"HAProxy shows {seen!r}, wanted that of {value['name']}"


def _proxied(value: Any, spec: Json, children: Children) -> Iterator[str]:
    """Connections begin with PROXY's header: those of trusted proxies, or all."""
    lines = files.words(_haproxy_files(children)["haproxy.cfg"])
    binds = [line[2:] for line in lines if line[0] == "bind" and line[1].endswith(":8080")]
    expects = any(line[:3] == ("tcp-request", "connection", "expect-proxy") for line in lines)
    trusted = bool(spec["frontend"].get("trustedProxyCIDRs"))
    accepts = ["accept-proxy" in options for options in binds]
    if accepts != [value == "Accept" and not trusted] * 2 or expects != (value == "Accept" and trusted):
        yield f"HAProxy binds with {binds}, and expects the header of some: {expects}"


def _haproxy_files(children: Children) -> Mapping[str, str]:
    found: Mapping[str, str] = children[ChildId("ConfigMap", f"{NAME}-frontend")]["data"]
    return found


PLACES: Final[Mapping[str, Look]] = {
    "frontend.trustedProxyCIDRs": _listed("trusted-proxies.lst"),
    "frontend.proxyProtocol": _proxied,
    "frontend.access.allowCIDRs": _listed("allowed-networks.lst"),
    "frontend.access.denyCIDRs": _listed("denied-networks.lst"),
    "frontend.maintenance": _line("http-request set-log-level silent"),
    "frontend.errorPages.configMapRef": _pages,
    "frontend.compression": _line("compression algo gzip"),
}
