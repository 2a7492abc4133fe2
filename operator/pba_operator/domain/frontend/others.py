"""One frontend gives way to another that can serve where it cannot itself: pure.

What must stay true: not all frontends give way at once. So HAProxy itself asks each of the others whether a node passes
its checks there, and gives way only while one says so; that one is ready then, by the same rule. No sidecar and no API
server has a part in it but to say where the others are, and who cannot be asked counts as one that cannot serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pba_api import ports, sidecar
from pba_api.types import Frontend

_PATH: Final = "/serves"


def health(frontend: Frontend) -> Sequence[str]:
    """Return the rules of the section that answers probes; in maintenance no node is needed to be ready."""
    flag = "{{ str({flag}) -m str -f {flags} }}".format
    ready, stopping = (flag(flag=name, flags=sidecar.FLAGS) for name in (sidecar.READY, sidecar.STOPPING))
    nodes, others = sidecar.HAPROXY_BACKEND, sidecar.OTHERS
    tells = (
        f"http-request return status 200 if {{ path {_PATH} }} {ready} !{stopping} {{ nbsrv({nodes}) gt 0 }}"
    )
    if frontend.maintenance:
        return (tells,)
    in_vain = f"{{ nbsrv({nodes}) eq 0 }} {{ nbsrv({others}) gt 1 }}"
    return (
        "# If no node passes this frontend's checks, but one passes another frontend's, the other frontend serves.",
        tells,
        f"http-request return status 503 if {{ path /ready }} {in_vain}",
    )


def sections(host: str) -> Sequence[str]:
    """Return the section of the other frontends, to which no request is sent; the sidecar says which there are.

    Args:
        host: what checks ask for, quoted.
    """
    return (
        "# The other frontends, which are only asked whether they can serve.",
        f"backend {sidecar.OTHERS}",
        "    option httpchk",
        f"    http-check send meth GET uri {_PATH} ver HTTP/1.1 hdr Host {host}",
        "    http-check expect status 200",
        f"    timeout check {sidecar.OTHERS_CHECK_MILLISECONDS}ms",
        "    # It stands for this frontend: without any server HAProxy would raise an alarm.",
        f"    server {sidecar.THIS} 127.0.0.1:{ports.FRONTEND_HEALTH}",
    )
