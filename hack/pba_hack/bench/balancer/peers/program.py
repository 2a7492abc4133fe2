"""A peer as a process, as the bench knows balancers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pba_lab import proxies

from pba_hack.bench.balancer.balancers import Balancer
from pba_hack.process_usage import family


@contextlib.contextmanager
def running(
    configuration: Callable[[int, Path], str],
    command: Callable[[Path], Sequence[str]],
    *,
    name: str,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Balancer]:
    """Run a program until the block ends; the arguments are those of `proxies.running`.

    Raises:
        ProxyDiedError: it ended before it answered.
    """
    with proxies.running(configuration, command, name=name, environment=environment) as proxy:
        yield Balancer((f"127.0.0.1:{proxy.port}",), family(proxy.pid))
