"""What the peers are called in the record."""

from __future__ import annotations

from typing import Final

LEAST: Final = "haproxy leastconn"
RANDOM: Final = "haproxy random(2)"
OBSERVE: Final = "haproxy observe"
"""`leastconn` with `observe layer7`: a node is out after so many errors in a row."""
KEPT: Final = "haproxy, connections kept"
"""`leastconn`, with connections to the nodes that serve one request after another."""
PICKER: Final = "haproxy, picker in Lua"
"""A program within HAProxy chooses the node by its latency and its requests."""
ENVOY_LEAST: Final = "envoy least_request"
ENVOY_ROBIN: Final = "envoy round robin"
CADDY: Final = "caddy least_conn"
NGINX: Final = "nginx least_conn"


def binding(name: str) -> str:
    """Return the name of a peer that tries again what is safe, and whose clients stay on their nodes by a cookie."""
    return f"{retrying(name)}, cookie"


def retrying(name: str) -> str:
    """Return the name of a peer that tries again what is safe: what never reached a node, and GETs and HEADs."""
    return f"{name}, retries"
