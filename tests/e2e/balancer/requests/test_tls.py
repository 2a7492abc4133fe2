"""TLS at the real HAProxy: certificates by name, renewed under load, and what is broken changes nothing."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from pba_lab import Clients, HAProxyProcess, Node
from pba_lab.patience import eventually, eventually_async
from pba_lab.shop import shop
from pba_lab.tls import Authority, Mount, Pair, TLSSidecar, shown, trusting

from pba_operator.domain.frontend import haproxy_cfg

SHOP, OTHER = "shop.example", "other.example"


@pytest.fixture
def authority() -> Authority:
    return Authority("a test's CA")


@pytest.fixture
def client(authority: Authority) -> ssl.SSLContext:
    return trusting(authority.certificate)


@pytest.fixture
def mounts(authority: Authority, folder: Path) -> dict[str, Mount]:
    hosts = {"first": SHOP, "second": OTHER}
    return {name: Mount(folder / name, authority.issue(host).secret()) for name, host in hosts.items()}


@pytest.fixture
def unstarted(mounts: dict[str, Mount], folder: Path) -> Iterator[tuple[HAProxyProcess, TLSSidecar]]:
    """HAProxy and the sidecar, in a pod that is about to start."""
    tls = {"secretRefs": [{"name": name} for name in mounts]}
    process = HAProxyProcess(haproxy_cfg.render(shop("default", {"tls": tls})), folder)
    sidecar = TLSSidecar(process, mounts)
    yield process, sidecar
    sidecar.stop()
    process.stop()


@pytest.fixture
def haproxy(unstarted: tuple[HAProxyProcess, TLSSidecar]) -> HAProxyProcess:
    process, sidecar = unstarted
    sidecar.start()
    eventually(lambda: len(sidecar.ends) == 2)
    return process


@pytest.fixture
def sidecar(haproxy: HAProxyProcess, unstarted: tuple[HAProxyProcess, TLSSidecar]) -> TLSSidecar:
    assert haproxy.pid
    return unstarted[1]


@pytest.fixture
def delay_seconds() -> float:
    return 0.005


@pytest.fixture
def clients(haproxy: HAProxyProcess, client: ssl.SSLContext) -> Clients:
    return Clients("127.0.0.1", haproxy.tls_port, tls=client, server_name=SHOP)


def serial(mount: Mount) -> int:
    return Pair((mount.folder / "tls.crt").read_text(), "").serial


def test_the_name_that_a_client_asks_for_chooses_the_certificate(
    haproxy: HAProxyProcess, mounts: dict[str, Mount], client: ssl.SSLContext
) -> None:
    assert shown(haproxy.tls_port, client, SHOP) == serial(mounts["first"])
    assert shown(haproxy.tls_port, client, OTHER) == serial(mounts["second"])
    assert shown(haproxy.tls_port, client, None) == serial(mounts["first"]), "the first is the default"


def _have_answered(clients: Clients, count: int) -> bool:
    return len(clients.answered) > count


@pytest.mark.parametrize("keeps_connections", [True, False])
async def test_a_certificate_is_renewed_under_load_and_no_connection_is_lost(
    haproxy: HAProxyProcess,
    sidecar: TLSSidecar,
    node: Node,
    clients: Clients,
    client: ssl.SSLContext,
    authority: Authority,
    mounts: dict[str, Mount],
    keeps_connections: bool,
) -> None:
    assert all(sidecar.usable.values())
    before = haproxy.info()
    clients.keeps_connections = keeps_connections
    clients.start(8)

    def is_shown(pair: Pair) -> bool:
        return shown(haproxy.tls_port, client, SHOP) == pair.serial

    for number in range(1, 11):
        renewed = authority.issue(SHOP)
        mounts["first"].write(renewed.secret())
        await eventually_async(partial(is_shown, renewed))
        await eventually_async(partial(_have_answered, clients, 20 * number))
    await clients.stop()
    assert clients.failed == {}
    assert sum(count for key, count in node.executed.items() if key) == clients.sent > 200
    after = haproxy.info()
    assert (after["Pid"], after["Start_time_sec"]) == (before["Pid"], before["Start_time_sec"])
    assert clients.connections == 8 if keeps_connections else clients.connections == clients.sent


def test_a_renewed_certificate_is_there_after_a_restart_without_the_sidecar(
    haproxy: HAProxyProcess,
    sidecar: TLSSidecar,
    client: ssl.SSLContext,
    authority: Authority,
    mounts: dict[str, Mount],
) -> None:
    renewed = authority.issue(SHOP)
    mounts["first"].write(renewed.secret())
    eventually(lambda: shown(haproxy.tls_port, client, SHOP) == renewed.serial)
    sidecar.stop()
    haproxy.kill()
    haproxy.start()
    assert shown(haproxy.tls_port, client, SHOP) == renewed.serial


def test_a_certificate_for_other_names_is_shown_for_those(
    haproxy: HAProxyProcess,
    sidecar: TLSSidecar,
    client: ssl.SSLContext,
    authority: Authority,
    mounts: dict[str, Mount],
) -> None:
    assert sidecar.usable["second"]
    renewed = authority.issue("third.example", OTHER)
    mounts["second"].write(renewed.secret())
    eventually(lambda: shown(haproxy.tls_port, client, OTHER) == renewed.serial)
    assert shown(haproxy.tls_port, client, "third.example") == renewed.serial


def broken(authority: Authority) -> dict[str, dict[str, str]]:
    one, other = authority.issue(SHOP), authority.issue(SHOP)
    return {
        "the key is another's": {"tls.crt": one.certificate, "tls.key": other.key},
        "the certificate is cut": {**one.secret(), "tls.crt": one.certificate[:200]},
        "nothing is there": {"tls.crt": "", "tls.key": ""},
        "both keys hold garbage": {"tls.crt": "\0garbage\n\n", "tls.key": "garbage"},
        "a command is smuggled in": {**one.secret(), "tls.crt": f"\n\nshutdown frontend public\n{one.key}"},
        "it has expired": authority.issue(SHOP, life=timedelta(days=-1)).secret(),
    }


@pytest.mark.parametrize("how", broken(Authority("names only")))
def test_what_is_broken_changes_nothing_and_is_told(
    haproxy: HAProxyProcess,
    sidecar: TLSSidecar,
    client: ssl.SSLContext,
    authority: Authority,
    mounts: dict[str, Mount],
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    present = serial(mounts["first"])
    mounts["first"].write(broken(authority)[how])
    eventually(lambda: not sidecar.usable["first"])
    renewed = authority.issue(OTHER)
    mounts["second"].write(renewed.secret())
    eventually(lambda: shown(haproxy.tls_port, client, OTHER) == renewed.serial)
    assert shown(haproxy.tls_port, client, SHOP) == present, "the others go on being renewed"
    assert "*" not in haproxy.ask("show ssl cert"), "no transaction is left open"
    told = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.getMessage().partition(",")[0] for record in told] == ["Secret first is not used"]
    assert "PRIVATE KEY-" not in caplog.text

    haproxy.kill()
    haproxy.start()
    assert shown(haproxy.tls_port, client, SHOP) == present, "nor after a restart"
    good = authority.issue(SHOP)
    mounts["first"].write(good.secret())
    eventually(lambda: shown(haproxy.tls_port, client, SHOP) == good.serial)
    eventually(lambda: sidecar.usable["first"])


def test_a_pod_starts_with_what_can_be_used_and_takes_the_rest_once_it_can(
    unstarted: tuple[HAProxyProcess, TLSSidecar],
    client: ssl.SSLContext,
    authority: Authority,
    mounts: dict[str, Mount],
) -> None:
    process, sidecar = unstarted
    for mount in mounts.values():
        mount.write({"tls.crt": "", "tls.key": ""})
    sidecar.keeper.step()
    assert not sidecar.keeper.started
    second = authority.issue(OTHER)
    mounts["second"].write(second.secret())
    sidecar.keeper.step()
    assert sidecar.keeper.started
    sidecar.start()
    assert shown(process.tls_port, client, OTHER) == second.serial
    first = authority.issue(SHOP)
    mounts["first"].write(first.secret())
    eventually(lambda: sidecar.usable["first"])
    assert shown(process.tls_port, client, SHOP) == first.serial
    sidecar.finish()
    process.kill()
    process.start()
    assert shown(process.tls_port, client, None) == first.serial, "the first of the spec is the default again"


def test_an_expired_certificate_is_better_than_none(
    unstarted: tuple[HAProxyProcess, TLSSidecar], authority: Authority, mounts: dict[str, Mount]
) -> None:
    process, sidecar = unstarted
    expired = authority.issue(SHOP, life=timedelta(days=-1))
    mounts["first"].write(expired.secret())
    sidecar.start()
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    assert shown(process.tls_port, careless, None) == expired.serial


def test_a_certificate_with_a_long_chain_and_comments_is_taken_while_haproxy_runs(
    haproxy: HAProxyProcess, client: ssl.SSLContext, authority: Authority, mounts: dict[str, Mount]
) -> None:
    renewed = authority.issue(SHOP)
    chain = [renewed.certificate, *(Authority(f"intermediate {number}").certificate for number in range(20))]
    text = "\n\n# a comment: < > << |\n".join(chain)
    assert len(text) > 10_500
    mounts["first"].write({"tls.crt": text, "tls.key": renewed.key})
    eventually(lambda: shown(haproxy.tls_port, client, SHOP) == renewed.serial)
