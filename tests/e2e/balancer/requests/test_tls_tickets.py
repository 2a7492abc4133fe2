"""Several frontends share the keys of session tickets: real HAProxies, and clients that come back to another one."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pba_lab import HAProxyProcess
from pba_lab.patience import eventually
from pba_lab.shop import shop
from pba_lab.tls import Authority, Mount, Pair, TLSSidecar, resumed, trusting

from pba_operator.domain.frontend import haproxy_cfg
from pba_sync.tls.tickets import PERIOD_SECONDS

SHOP = "shop.example"
Frontend = tuple[HAProxyProcess, TLSSidecar]
NewFrontend = Callable[..., Frontend]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def authority() -> Authority:
    return Authority("a test's CA")


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def client(authority: Authority, request: pytest.FixtureRequest) -> ssl.SSLContext:
    context = trusting(authority.certificate)
    context.minimum_version = context.maximum_version = request.param
    return context


@pytest.fixture
def new_frontend(authority: Authority, folder: Path) -> Iterator[NewFrontend]:
    certificate = authority.issue(SHOP).secret()
    started: list[Frontend] = []

    def start(client_ca: Authority | None = None, **options: str) -> Frontend:
        own = folder / f"{len(started)}"
        own.mkdir()
        tls = {"secretRefs": [{"name": "shop-tls"}], "redirect": True}
        mount = None
        if client_ca is not None:
            tls["clientCASecretRef"] = {"name": "clients"}
            mount = Mount(own / "clients", {"ca.crt": client_ca.certificate})
        process = HAProxyProcess(haproxy_cfg.render(shop("default", {"tls": tls})), own)
        sidecar = TLSSidecar(process, {"shop-tls": Mount(own / "shop-tls", certificate)}, mount, **options)
        started.append((process, sidecar))
        sidecar.start()
        eventually(lambda: sidecar.ends)
        return process, sidecar

    yield start
    for process, sidecar in started:
        sidecar.stop()
        process.stop()


def begun(frontend: Frontend, client: ssl.SSLContext) -> ssl.SSLSession:
    session = resumed(frontend[0].tls_port, client, SHOP, None)
    assert session is not None
    return session


def goes_on(frontend: Frontend, client: ssl.SSLContext, session: ssl.SSLSession) -> bool:
    return resumed(frontend[0].tls_port, client, SHOP, session) is not None


def test_what_was_begun_at_one_frontend_is_resumed_at_another(
    new_frontend: NewFrontend, client: ssl.SSLContext
) -> None:
    one, other = new_frontend(), new_frontend()
    assert goes_on(other, client, begun(one, client))
    stranger = new_frontend(seed="the-seed-of-other-frontends-5678")
    assert not goes_on(stranger, client, begun(one, client))


def test_keys_change_while_sessions_go_on_and_clocks_differ(
    new_frontend: NewFrontend, client: ssl.SSLContext
) -> None:
    one, other = new_frontend(), new_frontend()
    first = begun(one, client)
    keys = one[0].ask("show tls-keys *")
    one[1].now += PERIOD_SECONDS
    eventually(lambda: one[0].ask("show tls-keys *") != keys)
    assert one[0].pid
    assert goes_on(one, client, first), "what was begun before"
    assert goes_on(other, client, begun(one, client)), "by whose clock it is not yet time"
    assert goes_on(one, client, begun(other, client))
    one[1].now += PERIOD_SECONDS
    eventually(lambda: not goes_on(one, client, first))


def test_a_restarted_frontend_has_the_same_keys(new_frontend: NewFrontend, client: ssl.SSLContext) -> None:
    process, sidecar = new_frontend()
    session = begun((process, sidecar), client)
    sidecar.stop()
    process.kill()
    process.start()
    assert goes_on((process, sidecar), client, session)


def test_a_session_that_was_begun_under_other_authorities_of_clients_is_not_resumed(
    new_frontend: NewFrontend, authority: Authority, folder: Path
) -> None:
    """It would be resumed without a look at the certificate."""
    before, after = Authority("of clients"), Authority("of clients, later")

    def showing(pair: Pair) -> ssl.SSLContext:
        return trusting(authority.certificate, client=pair, folder=folder)

    client = showing(before.issue("a client"))
    one, same, later = new_frontend(before), new_frontend(before), new_frontend(after)
    assert goes_on(same, client, begun(one, client))
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        goes_on(later, client, begun(one, client))
