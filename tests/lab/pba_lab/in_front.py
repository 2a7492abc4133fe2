"""Proxies that stand before the frontends, as their Kubernetes controllers set them up: nginx, and Envoy.

What must stay true: each setting that is a controller's own default is as the controller has it. Sources: the template
of ingress-nginx 1.15 (`rootfs/etc/nginx/template/nginx.tmpl`) and its defaults (`config.go`), without its Lua, which
chooses among addresses; Contour's `internal/envoy/v3/listener.go` and `cluster.go` (as of 1.33), and Envoy's
reference for what Contour leaves out.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Final, Protocol

from pba_hack.binaries import binary
from pba_hack.images.rootfs import command
from pba_hack.loopback import free_port
from pba_lab.proxies import nginx_root, running
from pba_lab.tls import Pair

NGINX: Final = "nginx"
ENVOY: Final = "envoy"
ENVOY_H2C: Final = "envoy, HTTP/2 to the frontends"
PROXIES: Final = (NGINX, ENVOY, ENVOY_H2C)


@dataclass(frozen=True)
class InFront:
    """A proxy that runs: where clients reach it."""

    port: int
    tls_port: int


class NewInFront(Protocol):
    """Starts the proxy that a test is given; it ends with the test."""

    async def __call__(self, frontends: int, **options: Any) -> InFront:
        """Return it, before the frontends at this port; `options` are `in_front`'s."""


@dataclass(frozen=True)
class _Setting:
    frontends: int
    port: int
    tls_port: int
    idle_seconds: float
    folder: Path


_NGINX: Final = Template(r"""daemon off;
user root;
worker_processes 1;
pid $folder/nginx.pid;
error_log stderr error;

events {
    worker_connections 4096;
}

http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;

    reset_timedout_connection on;
    keepalive_timeout 75s;
    keepalive_requests 1000;
    client_max_body_size 0;

    map $$http_upgrade $$connection_upgrade {
        default upgrade;
        '' '';
    }
    map $$http_x_request_id $$req_id {
        default $$http_x_request_id;
        "" $$request_id;
    }

    upstream upstream_balancer {
        server 127.0.0.1:$frontends max_fails=0;
        keepalive 320;
        keepalive_timeout ${idle_milliseconds}ms;
        keepalive_requests 10000;
    }

    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$tls_port ssl;
        ssl_certificate $folder/front.pem;
        ssl_certificate_key $folder/front.pem;

        location / {
            proxy_set_header Host $$http_host;
            proxy_set_header Upgrade $$http_upgrade;
            proxy_set_header Connection $$connection_upgrade;
            proxy_set_header X-Request-ID $$req_id;
            proxy_set_header X-Real-IP $$remote_addr;
            proxy_set_header X-Forwarded-For $$remote_addr;
            proxy_set_header X-Forwarded-Host $$http_host;
            proxy_set_header X-Forwarded-Port $$server_port;
            proxy_set_header X-Forwarded-Proto $$scheme;
            proxy_set_header X-Forwarded-Scheme $$scheme;
            proxy_set_header X-Scheme $$scheme;
            proxy_set_header X-Original-Forwarded-For $$http_x_forwarded_for;
            proxy_set_header X-Original-Forwarded-Host $$http_x_forwarded_host;
            proxy_set_header Proxy "";
            proxy_connect_timeout 5s;
            proxy_send_timeout 60s;
            proxy_read_timeout 60s;
            proxy_buffering off;
            proxy_request_buffering on;
            proxy_http_version 1.1;
            proxy_next_upstream error timeout;
            proxy_next_upstream_timeout 0;
            proxy_next_upstream_tries 3;
            proxy_pass http://upstream_balancer;
        }
    }
}
""")


def _nginx(setting: _Setting) -> str:
    return _NGINX.substitute(
        folder=setting.folder,
        port=setting.port,
        tls_port=setting.tls_port,
        frontends=setting.frontends,
        idle_milliseconds=round(setting.idle_seconds * 1000),
    )


def _typed(kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"@type": f"type.googleapis.com/envoy.{kind}", **settings}


def _address(port: int) -> Mapping[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _assignment(port: int) -> Mapping[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    return {"cluster_name": "frontends", "endpoints": endpoints}


def _manager() -> Mapping[str, Any]:
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "frontends", "timeout": "60s"}}]
    return {
        "stat_prefix": "web",
        "common_http_protocol_options": {"idle_timeout": "60s"},
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "preserve_external_request_id": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {"name": "router", "typed_config": _typed("extensions.filters.http.router.v3.Router", {})}
        ],
    }


def _listeners(setting: _Setting) -> Sequence[Mapping[str, Any]]:
    kind = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    filters = [{"name": "http", "typed_config": _typed(kind, _manager())}]
    file = {"filename": str(setting.folder / "front.pem")}
    context = {"common_tls_context": {"tls_certificates": [{"certificate_chain": file, "private_key": file}]}}
    tls = _typed("extensions.transport_sockets.tls.v3.DownstreamTlsContext", context)
    return [
        {"name": "http", "address": _address(setting.port), "filter_chains": [{"filters": filters}]},
        {
            "name": "https",
            "address": _address(setting.tls_port),
            "filter_chains": [{"filters": filters, "transport_socket": {"name": "tls", "typed_config": tls}}],
        },
    ]


def _cluster(setting: _Setting, *, h2c: bool) -> Mapping[str, Any]:
    version: Mapping[str, Any] = {"http2_protocol_options": {}} if h2c else {"http_protocol_options": {}}
    options = {
        "explicit_http_config": version,
        "common_http_protocol_options": {"idle_timeout": f"{setting.idle_seconds}s"},
    }
    return {
        "name": "frontends",
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": _assignment(setting.frontends),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _typed(
                "extensions.upstreams.http.v3.HttpProtocolOptions", options
            )
        },
    }


def _envoy(setting: _Setting, *, h2c: bool) -> str:
    resources = {"listeners": _listeners(setting), "clusters": [_cluster(setting, h2c=h2c)]}
    return json.dumps({"static_resources": resources}, indent=1)


def _listens(port: int) -> bool:
    """Tell whether the proxy listens; what is behind it need not answer yet."""
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def _started(file: Path) -> Sequence[str]:
    options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "-c")
    return [str(binary(ENVOY)), *options, str(file)]


@contextlib.contextmanager
def passing_on(frontends: int, version: str) -> Iterator[int]:
    """Run Envoy as a balancer that reads nothing until the block ends; give its port.

    Args:
        frontends: the port at which it reaches them.
        version: of the header of the PROXY protocol, V1 or V2, with which it begins each connection.
    """

    def write(port: int, _folder: Path) -> str:
        tcp = _typed(
            "extensions.filters.network.tcp_proxy.v3.TcpProxy", {"stat_prefix": "t", "cluster": "frontends"}
        )
        plain = _typed("extensions.transport_sockets.raw_buffer.v3.RawBuffer", {})
        header = {
            "config": {"version": version},
            "transport_socket": {"name": "plain", "typed_config": plain},
        }
        kind = "extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
        cluster = {
            "name": "frontends",
            "type": "STATIC",
            "load_assignment": _assignment(frontends),
            "transport_socket": {"name": "header", "typed_config": _typed(kind, header)},
        }
        listener = {
            "name": "tcp",
            "address": _address(port),
            "filter_chains": [{"filters": [{"name": "tcp", "typed_config": tcp}]}],
        }
        return json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}, indent=1)

    with running(write, _started, name="envoy.json", serves=_listens) as proxy:
        yield proxy.port


@contextlib.contextmanager
def in_front(name: str, frontends: int, pair: Pair, *, idle_seconds: float = 50.0) -> Iterator[InFront]:
    """Run one of `PROXIES` until the block ends.

    Args:
        name: which.
        frontends: the port at which it reaches them.
        pair: what it shows clients of TLS.
        idle_seconds: for how long it keeps a connection to a frontend on which nothing is asked.
    """
    tls_port = free_port()

    def write(port: int, folder: Path) -> str:
        (folder / "front.pem").write_text(pair.certificate + pair.key)
        setting = _Setting(frontends, port, tls_port, idle_seconds, folder)
        return _nginx(setting) if name == NGINX else _envoy(setting, h2c=name == ENVOY_H2C)

    def start(file: Path) -> Sequence[str]:
        if name == NGINX:
            return command(nginx_root(), "/usr/sbin/nginx", "-e", "stderr", "-c", str(file))
        return _started(file)

    with running(
        write, start, name="nginx.conf" if name == NGINX else "envoy.json", serves=_listens
    ) as proxy:
        yield InFront(proxy.port, tls_port)
