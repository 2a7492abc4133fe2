"""nginx of Debian, with `least_conn`.

It tells a node that fails from others only by trying the request elsewhere; so it is no peer where nodes fail and
nothing is tried again. Sources: nginx's ngx_http_upstream_module and ngx_http_proxy_module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import Final

from pba_lab import proxies

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.peers.program import as_balancer
from pba_hack.images.rootfs import command

_TEMPLATE: Final = Template(r"""daemon off;
worker_processes 2;
pid $folder/nginx.pid;
error_log stderr error;

events {
    worker_connections 8192;
}

http {
    access_log off;

    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;

    # A client's connection ends when the client wants it, as with the others; 1,000 requests if nothing is said.
    keepalive_timeout 60s;
    keepalive_requests 10000000;

    upstream nodes {
        # How many requests a node has is known to both workers.
        zone nodes 256k;
        least_conn;
$servers
        # For each worker; more than are ever in use at a time here.
        keepalive 128;
        keepalive_requests 10000000;
    }

    server {
        listen 127.0.0.1:$port reuseport;

        location / {
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $$host;
            proxy_set_header X-Request-Id $$request_id;
            proxy_set_header X-Forwarded-For $$remote_addr;
            proxy_set_header X-Forwarded-Proto $$scheme;
            proxy_connect_timeout 500ms;
            proxy_next_upstream $retried;
            proxy_next_upstream_tries 3;
        }
    }
}
""")


SAFE: Final = "error timeout http_500 http_502 http_503 http_504"
"""What is tried again, of idempotent requests; a node that failed so five times in 5 s is out for 5 s."""


def configuration(addresses: Sequence[str], port: int, folder: Path, *, retries: bool = False) -> str:
    """Return the text of nginx.conf.

    Args:
        addresses: HOST:PORT of each node.
        port: of 127.0.0.1, where it listens.
        folder: for its files.
        retries: whether what is safe is tried again, elsewhere.
    """
    servers = (f"        server {address} max_fails=5 fail_timeout=5s;" for address in addresses)
    retried = SAFE if retries else "off"
    return _TEMPLATE.substitute(port=port, folder=folder, retried=retried, servers="\n".join(servers))


@contextlib.contextmanager
def running(addresses: Sequence[str], *, retries: bool = False) -> Iterator[Balancer]:
    """Run it until the block ends; the arguments are those of `configuration`."""
    files = proxies.nginx_root()
    with proxies.running(
        lambda port, folder: configuration(addresses, port, folder, retries=retries),
        lambda file: command(files, "/usr/sbin/nginx", "-e", "stderr", "-c", str(file)),
        name="nginx.conf",
    ) as proxy:
        yield as_balancer(proxy)
