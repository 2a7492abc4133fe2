"""Time limits and sizes of bodies by path, in the real HAProxy, and paths that are written to get around them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pba_lab import HAProxyProcess, Node
from pba_lab.wire_client import request, said, status

PATHS = [
    {"prefix": "/", "bodyMaxSize": "200"},
    {"prefix": "/report", "serverSeconds": 1, "bodyMaxSize": "50k"},
    {"prefix": "/report/slow", "serverSeconds": 30},
]
CHUNKED = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
ANOTHER_WAY = (
    "/report/",
    "/report/2026/11",
    "/report?x=/../y",
    "/%72eport",
    "/%72%65port/x",
    "//report",
    "/./report",
    "/.//.//report/x",
    "/%2e/report",
    "/report;jsessionid=1",
    "/;x/report",
    "/report%2Fx",
)
NOT_IT = ("/reports", "/Report", "/x/report", "/%2572eport", "/?/report")
REFUSED = (
    "/report/..",
    "/report/../x",
    "/x/../report",
    "/x/%2e%2e/report",
    "/x/%2E./report",
    "/x/..%2Freport",
    "/x/..;/report",
    "/report%00",
    "/report/%zz",
    "/report/%",
)


@pytest.fixture
def configuration(render: Callable[..., str]) -> str:
    return render(
        frontend={"timeouts": {"serverSeconds": 30}, "paths": PATHS, "retries": {"budgetPercent": 0}}
    )


def post(path: str, size: int) -> bytes:
    return request(path, method="POST", body=b"x" * size)


async def test_the_longest_prefix_says_how_big_a_body_may_be(haproxy: HAProxyProcess, node: Node) -> None:
    for path, size, wanted in (
        ("/", 200, 200),
        ("/", 201, 413),
        ("/report", 50_000, 200),
        ("/report", 50_001, 413),
        ("/report/slow", 100_000, 200),
    ):
        assert status(await said(haproxy.port, post(path, size))) == wanted, (path, size)
    assert node.executed.total() == 3, "what is refused reaches no node"


async def test_a_body_that_does_not_tell_its_length_is_refused_where_lengths_are_limited(
    haproxy: HAProxyProcess, node: Node
) -> None:
    chunked = b"POST %s HTTP/1.1\r\nHost: lab\r\n" + CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n"
    for size in (1, 30_000):
        answer = await said(haproxy.port, chunked % (b"/report", size, b"x" * size))
        assert status(answer) == 411, size
    none = b"POST /report HTTP/1.1\r\nHost: lab\r\n" + CHUNKED + b"0\r\n\r\n"
    assert status(await said(haproxy.port, none)) != 411, "there is no body"
    assert node.seen.get("transfer-encoding") in (None, "chunked")


@pytest.mark.parametrize("path", ANOTHER_WAY)
async def test_a_path_that_is_written_in_another_way_has_the_same_limit(
    haproxy: HAProxyProcess, node: Node, path: str
) -> None:
    assert status(await said(haproxy.port, post(path, 40_000))) == 200
    assert status(await said(haproxy.port, post(path, 50_001))) == 413
    assert path in node.targets, "the application gets it as it was sent"


async def test_what_is_not_below_the_prefix_is_not_meant(haproxy: HAProxyProcess, node: Node) -> None:
    for path in NOT_IT:
        assert status(await said(haproxy.port, post(path, 201))) == 413, path
        assert status(await said(haproxy.port, post(path, 200))) == 200, path
    assert node.executed.total() == len(NOT_IT)


async def test_what_nobody_writes_in_good_faith_is_refused(haproxy: HAProxyProcess, node: Node) -> None:
    for path in REFUSED:
        assert status(await said(haproxy.port, post(path, 1))) == 400, path
    assert node.executed.total() == 0


async def test_the_longest_prefix_says_how_long_a_node_may_take(haproxy: HAProxyProcess, node: Node) -> None:
    node.delay_seconds = 2.0
    for path, wanted in (("/", 200), ("/report", 504), ("/report/x", 504), ("/report/slow", 200)):
        assert status(await said(haproxy.port, post(path, 1))) == wanted, path
