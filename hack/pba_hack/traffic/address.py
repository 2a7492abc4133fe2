"""The address at which clients reach a PBACluster."""

from __future__ import annotations

import socket
from typing import Final

from pba_hack.kubectl import Json, Kubectl, wait_for

_CONNECT_SECONDS: Final = 1.0
_ROUTED_SECONDS: Final = 30.0
_PORT: Final = "http"


def clients_address(kubectl: Kubectl, name: str) -> str:
    """Return the address of the Service of a PBACluster, once this machine routes it to a pod.

    `Ready` speaks of the pods. From then on each machine's kube-proxy still has to write its rules (one second and
    more on a busy machine), and until it has, its kernel refuses connections to the address. Waiting for it is no
    retry of a request: none is sent here.

    Args:
        kubectl: in the PBACluster's namespace.
        name: of the PBACluster and its Service.

    Raises:
        WaitedInVainError: there is no Service, or nothing behind it accepts connections.
    """
    service = wait_for(f"Service {name}", lambda: kubectl.get("service", name))
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    host = str(ingress[0]["ip"] if ingress else service["spec"]["clusterIP"])
    port = _http_port(service)
    wait_for(f"http://{host}:{port}/ to be routed", lambda: _accepts(host, port), _ROUTED_SECONDS)
    return host


def _http_port(service: Json) -> int:
    return next(int(port["port"]) for port in service["spec"]["ports"] if port["name"] == _PORT)


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
