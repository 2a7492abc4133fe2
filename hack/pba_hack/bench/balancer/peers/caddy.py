"""Caddy, with `least_conn` and passive health checks.

Source: Caddy's reference of the directive `reverse_proxy`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from string import Template
from typing import Final

from pba_lab import proxies

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.bench.balancer.peers.program import as_balancer
from pba_hack.binaries import binary

_TEMPLATE: Final = Template(r"""{
	admin off
	auto_https off
	persist_config off
	grace_period 1s
	log {
		output stderr
		format json
		level FATAL
	}
	servers {
		timeouts {
			idle 60s
		}
	}
}

http://:$port {
	bind 127.0.0.1

	reverse_proxy $nodes {
		lb_policy $policy
		$retries

		health_uri /healthz
		health_interval 1s
		health_timeout 2s
		health_fails 3
		health_passes 2

		# A node that has failed so many within the time is out until fewer have. What takes very long, for nodes that
		# answer in 20 ms, counts as failed, too: it is the only means here against one that is slow.
		fail_duration 10s
		max_fails 5
		unhealthy_status 5xx
		unhealthy_latency 500ms

		header_up X-Request-Id {http.request.uuid}

		transport http {
			dial_timeout 500ms
			keepalive 60s
			# More than are ever in use at a time here; 32 if nothing is said.
			keepalive_idle_conns_per_host 256
			compression off
		}
	}
}
""")


SAFE: Final = """lb_retries 3
		lb_retry_match {
			method GET HEAD
			expression `{rp.is_transport_error} == true || {rp.status_code} in [500, 502, 503, 504]`
		}"""
"""What never reached a node is tried again without being named."""


BOUND: Final = """cookie bench {
			fallback least_conn
		}"""
"""A client comes back to its node; where that is out, and for new clients, the one with the fewest requests."""


def configuration(addresses: Sequence[str], port: int, *, retries: bool = False, cookie: bool = False) -> str:
    """Return the text of the Caddyfile.

    Args:
        addresses: HOST:PORT of each node.
        port: of 127.0.0.1, where it listens.
        retries: whether what is safe is tried again, elsewhere.
        cookie: whether clients stay on their nodes.
    """
    return _TEMPLATE.substitute(
        port=port,
        nodes=" ".join(addresses),
        policy=BOUND if cookie else "least_conn",
        retries=SAFE if retries else "lb_retries 0",
    )


@contextlib.contextmanager
def running(addresses: Sequence[str], *, retries: bool = False, cookie: bool = False) -> Iterator[Balancer]:
    """Run it until the block ends; the arguments are those of `configuration`."""
    with proxies.running(
        lambda port, _folder: configuration(addresses, port, retries=retries, cookie=cookie),
        lambda file: [str(binary("caddy")), "run", "--adapter", "caddyfile", "--config", str(file)],
        name="Caddyfile",
        environment={"GOMAXPROCS": "2"},
    ) as proxy:
        yield as_balancer(proxy)
