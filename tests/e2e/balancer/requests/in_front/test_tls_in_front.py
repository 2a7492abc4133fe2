"""TLS that ends at a proxy in front of frontends that have certificates of their own: no redirect runs in a circle."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from pba_lab import HAProxyProcess
from pba_lab.bound import own
from pba_lab.in_front import InFront, NewInFront
from pba_lab.making import NewBound, NewNodes, NewSidecar
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.tls import Authority, Mount, TLSSidecar, trusting
from pba_lab.wire_client import asked, request

from pba_operator.domain.frontend import haproxy_cfg

HOST = "shop.example"
HSTS = "strict-transport-security"


@pytest.fixture
def haproxy(folder: Path) -> Iterator[HAProxyProcess]:
    """A frontend whose clients come by TLS alone, directly or through a proxy that it believes."""
    tls = {"secretRefs": [{"name": "shop-tls"}], "redirect": True, "hstsSeconds": 300}
    cluster = shop("default", {"tls": tls, "trustedProxyCIDRs": ["127.0.0.1/32"]})
    process = HAProxyProcess(haproxy_cfg.render(cluster), folder, haproxy_cfg.files(cluster))
    mount = Mount(folder / "shop-tls", Authority("the frontends'").issue(HOST).secret())
    keeper = TLSSidecar(process, {"shop-tls": mount})
    keeper.start()
    yield process
    keeper.stop()
    process.stop()


async def over_tls(front: InFront, authority: Authority, path: str) -> http.client.HTTPResponse:
    def exchange() -> http.client.HTTPResponse:
        context = trusting(authority.certificate)
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", front.tls_port, timeout=20, context=context)
        try:
            connection.request("GET", path, headers={"Host": HOST})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        return answer

    return await asyncio.to_thread(exchange)


async def test_who_came_to_the_proxy_by_tls_is_served_and_told_to_stay_with_it(
    haproxy: HAProxyProcess,
    new_sidecar: NewSidecar,
    new_nodes: NewNodes,
    new_in_front: NewInFront,
    front_authority: Authority,
) -> None:
    (node,) = await new_nodes(1)
    sidecar = new_sidecar()
    sidecar.tell([node])
    await eventually_async(lambda: sidecar.loop.ready)
    front = await new_in_front(haproxy.port)
    answer = await over_tls(front, front_authority, "/order?id=7")
    assert (answer.status, answer.getheader(HSTS)) == (200, "max-age=300")
    assert node.seen["x-forwarded-proto"] == "https"

    plain = await asked(front.port, request("/order?id=7"))
    assert (plain.status, plain.headers["location"]) == (301, f"https://{HOST}/order?id=7")
    assert HSTS not in plain.headers, "RFC 6797, 7.2"
    spoofed = await asked(front.port, request("/", "X-Forwarded-Proto: https"))
    assert (spoofed.status, HSTS in spoofed.headers) == (301, False)


async def test_the_cookie_of_who_came_to_the_proxy_by_tls_is_sent_by_tls_alone(
    new_bound: NewBound, new_nodes: NewNodes, new_in_front: NewInFront, front_authority: Authority
) -> None:
    haproxy = await new_bound("Cookie", *await new_nodes(1))
    front = await new_in_front(haproxy.port)
    secure = (await over_tls(front, front_authority, "/")).getheader("set-cookie", "")
    plain = (await asked(front.port, request("/"))).headers["set-cookie"]
    assert plain == own("node-0")
    assert secure == f"{plain}; Secure; SameSite=None"
