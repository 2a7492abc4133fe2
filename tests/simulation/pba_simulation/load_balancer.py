"""What a load balancer's controller writes into the status of a Service: the same in every simulated cluster."""

from __future__ import annotations

from typing import Any, Final

ADDRESS: Final = "192.0.2.1"
UNSERVED: Final = "example.org/nobody"
"""A class of load balancers of which none is installed; there is one of every other."""


def load_balancer_status(service: dict[str, Any]) -> dict[str, Any]:
    """Return the status of a Service once the load balancers have seen it."""
    spec = service["spec"]
    is_served = spec.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") != UNSERVED
    return {"loadBalancer": {"ingress": [{"ip": ADDRESS}]} if is_served else {}}
