"""What TLS changes for requests, at the real HAProxy: the redirect, HSTS, HTTP/2, and certificates of clients."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from pba_lab import HAProxyProcess, Node
from pba_lab.h2_peer import SHOP, get, opened
from pba_lab.patience import eventually_async
from pba_lab.shop import shop
from pba_lab.tls import Authority, Mount, Pair, TLSSidecar, connected, shown, trusting

from pba_operator.domain.frontend import haproxy_cfg

SECONDS = 300
SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A, B"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Jos\u00e9/O=admin"),
    ]
)
AS_ASCII = r"CN=Jos\C3\A9/O=admin,O=A\, B"


@pytest.fixture
def authority() -> Authority:
    return Authority("a test's CA")


@pytest.fixture
def client_ca() -> Authority:
    return Authority("of clients")


@pytest.fixture
def client_mount(client_ca: Authority, folder: Path) -> Mount:
    return Mount(folder / "client-ca", {"ca.crt": client_ca.certificate})


@pytest.fixture
def mount(authority: Authority, folder: Path) -> Mount:
    return Mount(folder / "shop-tls", authority.issue(SHOP).secret())


@pytest.fixture
def tls(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the spec says under `frontend.tls` beside the certificate."""
    asked: dict[str, Any] = getattr(request, "param", {"redirect": True, "hstsSeconds": SECONDS})
    return asked


@pytest.fixture
def sidecar(
    folder: Path, mount: Mount, client_mount: Mount, tls: dict[str, Any]
) -> Iterator[tuple[HAProxyProcess, TLSSidecar]]:
    cluster = shop("default", {"tls": {"secretRefs": [{"name": "shop-tls"}], **tls}})
    process = HAProxyProcess(haproxy_cfg.render(cluster), folder)
    keeper = TLSSidecar(process, {"shop-tls": mount}, client_mount if "clientCASecretRef" in tls else None)
    keeper.start()
    yield process, keeper
    keeper.stop()
    process.stop()


@pytest.fixture
def haproxy(sidecar: tuple[HAProxyProcess, TLSSidecar]) -> HAProxyProcess:
    return sidecar[0]


@pytest.fixture
def client(authority: Authority) -> ssl.SSLContext:
    return trusting(authority.certificate)


async def ask(
    haproxy: HAProxyProcess,
    path: str = "/",
    headers: list[tuple[str, str]] | None = None,
    *,
    method: str = "GET",
    tls: ssl.SSLContext | None = None,
) -> http.client.HTTPResponse:
    """Send a request; a header `Host` among `headers` replaces the usual one, an empty one leaves it out."""

    def exchange() -> http.client.HTTPResponse:
        port = haproxy.port if tls is None else haproxy.tls_port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        if tls is not None:
            with connected(port, tls, SHOP) as secure:
                connection.sock = secure
                return send(connection)
        return send(connection)

    def send(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        given = headers or []
        connection.putrequest(method, path, skip_host=any(name == "Host" for name, _ in given))
        for name, value in given:
            if value:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    return await asyncio.to_thread(exchange)


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308), ("PUT", 308), ("DELETE", 308)]
)
async def test_port_80_sends_clients_to_https(
    haproxy: HAProxyProcess, node: Node, method: str, status: int
) -> None:
    for host in ("shop.example", "shop.example:80", "shop.example:8080"):
        answer = await ask(haproxy, "/a//b?c=%2F&d=//e", [("Host", host)], method=method)
        assert (answer.status, answer.headers["Location"]) == (
            status,
            "https://shop.example/a//b?c=%2F&d=//e",
        )
        assert "Strict-Transport-Security" not in answer.headers
    answer = await ask(haproxy, "/", [("Host", "[fd00::1]:80")], method=method)
    assert answer.headers["Location"] == "https://[fd00::1]/"
    assert not node.targets - {"/healthz/ready", "/healthz"}


async def test_a_request_that_names_no_host_cannot_be_redirected(haproxy: HAProxyProcess, node: Node) -> None:
    for path, headers in (("/", [("Host", "")]), ("*", [("Host", "a")])):
        answer = await ask(haproxy, path, headers, method="OPTIONS")
        assert (answer.status, answer.headers["Location"]) == (400, None)
    assert not node.targets - {"/healthz/ready", "/healthz"}


async def test_a_challenge_of_acme_is_served_without_tls_and_nothing_beside_it(
    haproxy: HAProxyProcess, node: Node
) -> None:
    challenge = "/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
    assert (await ask(haproxy, challenge)).status == 200
    assert node.targets >= {challenge}
    for path in (
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge/../../admin",
        "/.well-known/acme-challenge/a/../../../admin",
        "/.well-known/acme-challenge/%2e%2e%2fadmin",
        "/admin/.well-known/acme-challenge/a",
        "/xwell-known/acme-challenge/a",
    ):
        assert (await ask(haproxy, path)).status == 301, path
    assert (await ask(haproxy, challenge, method="POST")).status == 308


async def test_over_tls_browsers_are_told_to_stay_and_the_node_what_was_spoken(
    haproxy: HAProxyProcess, node: Node, client: ssl.SSLContext
) -> None:
    spoofed = [
        ("X-Forwarded-Proto", "http"),
        ("X-SSL-Client-Subject", "CN=admin"),
        ("x_ssl_client_subject", "CN=admin"),
        ("X-SSL_Client-Verify", "SUCCESS"),
    ]
    answer = await ask(haproxy, "/", spoofed, tls=client)
    assert (answer.status, answer.headers["Strict-Transport-Security"]) == (200, f"max-age={SECONDS}")
    assert node.seen["x-forwarded-proto"] == "https"
    assert not [name for name in node.seen if "ssl" in name]


@pytest.mark.parametrize("tls", [{}], indirect=True)
async def test_without_redirect_and_hsts_both_ports_serve(
    haproxy: HAProxyProcess, node: Node, client: ssl.SSLContext
) -> None:
    plain = await ask(haproxy, "/", [("X-Forwarded-Proto", "https")])
    assert (plain.status, node.seen["x-forwarded-proto"]) == (200, "http")
    secure = await ask(haproxy, "/", tls=client)
    assert (secure.status, node.seen["x-forwarded-proto"]) == (200, "https")
    assert "Strict-Transport-Security" not in secure.headers


async def test_http_2_is_spoken_with_those_who_can(
    haproxy: HAProxyProcess, node: Node, client: ssl.SSLContext
) -> None:
    async with opened(haproxy.tls_port, client) as peer:
        answers = [await peer.ask(get(b"/", (b"x-test-id", b"%d" % number))) for number in range(3)]
    assert [answer.body for answer in answers] == [node.name.encode()] * 3
    assert [node.executed[f"{number}"] for number in range(3)] == [1, 1, 1]
    assert node.seen["x-forwarded-host"] == SHOP


def test_who_does_not_finish_the_handshake_is_let_go(haproxy: HAProxyProcess) -> None:
    with socket.create_connection(("127.0.0.1", haproxy.tls_port), 30) as silent:
        silent.sendall(b"\x16\x03\x01")
        assert silent.recv(1) == b""


class Busy:
    """A client of HTTP/2 that asks again and again, until it is told to leave."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.answered, self.left = 0, False
        self._ending = False
        self._task = asyncio.create_task(self._run(port, context))

    async def _run(self, port: int, context: ssl.SSLContext) -> None:
        async with opened(port, context) as peer:
            while not self._ending and peer.goaway is None:
                assert (await peer.ask(get())).status == 200
                self.answered += 1
                await asyncio.sleep(0.01)
            self.left = peer.goaway is not None

    async def stop(self) -> None:
        self._ending = True
        await self._task


async def test_busy_clients_of_http_2_leave_a_frontend_that_ends_and_lose_nothing(
    haproxy: HAProxyProcess, node: Node, client: ssl.SSLContext
) -> None:
    busy = [Busy(haproxy.tls_port, client) for _ in range(5)]
    try:
        await eventually_async(lambda: all(one.answered > 10 for one in busy))
        (haproxy.folder / "stopping").touch()
        await eventually_async((haproxy.folder / "drained").exists)
    finally:
        for one in busy:
            await one.stop()
    assert all(one.left for one in busy)
    assert sum(node.executed.values()) == sum(one.answered for one in busy)


@pytest.mark.parametrize(
    ("version", "cipher", "taken"),
    [
        (ssl.TLSVersion.TLSv1_3, None, True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA", False),
        (ssl.TLSVersion.TLSv1_1, "DEFAULT:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1, "DEFAULT:@SECLEVEL=0", False),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_only_sound_versions_and_ciphers_are_spoken(
    haproxy: HAProxyProcess, client: ssl.SSLContext, version: ssl.TLSVersion, cipher: str | None, taken: bool
) -> None:
    client.minimum_version = client.maximum_version = version
    if cipher is not None:
        client.set_ciphers(cipher)
    try:
        with connected(haproxy.tls_port, client, SHOP):
            spoken = True
    except (ssl.SSLError, ConnectionResetError):
        spoken = False
    assert spoken == taken


WITH_CLIENTS = {"redirect": True, "clientCASecretRef": {"name": "clients"}}


async def _served(haproxy: HAProxyProcess, context: ssl.SSLContext) -> bool:
    try:
        return (await ask(haproxy, "/", [("X-SSL-Client-Subject", "CN=admin")], tls=context)).status == 200
    except (ssl.SSLError, ConnectionResetError, http.client.RemoteDisconnected):
        return False


@pytest.mark.parametrize("tls", [WITH_CLIENTS], indirect=True)
async def test_only_clients_with_a_certificate_are_served_and_the_node_learns_whose_it_is(
    haproxy: HAProxyProcess, node: Node, authority: Authority, client_ca: Authority, folder: Path
) -> None:
    with_it = trusting(authority.certificate, client=client_ca.issue(subject=SUBJECT), folder=folder)
    assert await _served(haproxy, with_it)
    assert node.seen["x-ssl-client-subject"] == AS_ASCII
    for certificate in (None, authority.issue(subject=SUBJECT), Authority("another").issue(subject=SUBJECT)):
        assert not await _served(haproxy, trusting(authority.certificate, client=certificate, folder=folder))
    assert (await ask(haproxy, "/")).status == 301


@pytest.mark.parametrize("tls", [WITH_CLIENTS], indirect=True)
async def test_another_authority_of_clients_changes_nothing_until_the_pod_is_replaced(
    haproxy: HAProxyProcess,
    sidecar: tuple[HAProxyProcess, TLSSidecar],
    node: Node,
    authority: Authority,
    client_ca: Authority,
    client_mount: Mount,
    mount: Mount,
    folder: Path,
) -> None:
    def showing(pair: Pair) -> ssl.SSLContext:
        return trusting(authority.certificate, client=pair, folder=folder)

    new_ca = Authority("of clients, later")
    old, new = client_ca.issue(subject=SUBJECT), new_ca.issue(subject=SUBJECT)
    renewed = authority.issue(SHOP)
    client_mount.write({"ca.crt": f"# the next one\n\n{new_ca.certificate}"})
    mount.write(renewed.secret())
    await eventually_async(lambda: shown(haproxy.tls_port, showing(old), SHOP) == renewed.serial)
    assert await _served(haproxy, showing(old))
    haproxy.kill()
    haproxy.start()
    await eventually_async(lambda: " ready" in haproxy.ask("show acl virt@flags"))
    assert await _served(haproxy, showing(old)), "nor when its container is started anew"
    assert not await _served(haproxy, showing(new))

    haproxy.kill()
    (folder / "client-ca.crt").unlink()  # a new pod has a new folder
    await eventually_async((folder / "client-ca.crt").exists)
    haproxy.start()
    await eventually_async(lambda: " ready" in haproxy.ask("show acl virt@flags"))
    assert await _served(haproxy, showing(new))
    assert not await _served(haproxy, showing(old))
    client_mount.write({"ca.crt": "garbage"})
    await eventually_async(lambda: not sidecar[1].usable["clients"])
    assert await _served(haproxy, showing(new)), "what is broken changes nothing"
    assert node.executed


@pytest.mark.parametrize("tls", [WITH_CLIENTS], indirect=True)
def test_no_haproxy_is_started_without_the_authority_of_clients(
    folder: Path, sidecar: tuple[HAProxyProcess, TLSSidecar], client_mount: Mount
) -> None:
    process, keeper = sidecar
    keeper.stop()
    process.kill()
    for name in ("certificates.list", "client-ca.crt"):
        (folder / name).unlink()
    client_mount.write({"ca.crt": ""})
    keeper.keeper.step()
    assert not keeper.keeper.started
