"""Where the fields that say who may come in, and by what way, must be seen in HAProxy's files."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pba_mutation import files
from pba_mutation.planning import NAME, Children
from pba_operator.domain.model import ChildId

Json = Mapping[str, Any]


def _trusted(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """HAProxy believes those proxies, and no others."""
    seen = _haproxy_files(children).get("trusted-proxies.lst", "").splitlines()
    if [ipaddress.ip_network(line) for line in seen] != [
        ipaddress.ip_network(net, strict=False) for net in value
    ]:
        yield f"HAProxy trusts {seen}, wanted {value}"


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


PLACES: Final[Mapping[str, Callable[[Any, Json, Children], Iterator[str]]]] = {
    "frontend.trustedProxyCIDRs": _trusted,
    "frontend.proxyProtocol": _proxied,
}
