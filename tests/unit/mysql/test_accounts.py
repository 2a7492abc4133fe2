"""How MySQL is talked to, without one: what is sent to whom, what an error means, and that nobody waits for others."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest
from pba_standin.material import ADMIN, APP, CA, WANTED, secret

from pba_operator.domain.model import AccountState, ChildId, EnsureAccounts, Manifest
from pba_operator.mysql.accounts import MySQLAccounts
from pba_operator.mysql.errors import LoginRefused, Refused, Unreachable, translated
from pba_operator.mysql.session import identifier


def go_on() -> None:
    """Say that we may write."""


@pytest.fixture
def accounts() -> Iterator[MySQLAccounts]:
    made = MySQLAccounts(threads=1)
    yield made
    made.close()


async def test_a_secret_that_lacks_something_is_told(
    accounts: MySQLAccounts, secrets: dict[ChildId, Manifest]
) -> None:
    for child in (ADMIN, APP, CA):
        spoilt = dict.fromkeys(secrets[child]["data"], "/w==")
        damages: tuple[Manifest, ...] = ({"data": {}}, {"data": spoilt})
        for damaged in damages:
            answer = await accounts.ensure(WANTED, {**secrets, child: damaged}, go_on)
            assert answer.state is AccountState.REFUSED
            assert answer.asked == WANTED
        rest = {key: value for key, value in secrets.items() if key != child}
        assert (await accounts.ensure(WANTED, rest, go_on)).state is AccountState.REFUSED


async def test_a_certificate_that_is_none_is_told(
    accounts: MySQLAccounts, secrets: dict[ChildId, Manifest]
) -> None:
    answer = await accounts.ensure(WANTED, {**secrets, CA: secret(**{"ca.crt": "nonsense"})}, go_on)
    assert answer.state is AccountState.REFUSED
    assert "ca.crt" in answer.detail


async def test_every_connection_is_verified_and_limited(secrets: dict[ChildId, Manifest]) -> None:
    seen: dict[str, Any] = {}

    def connect(**options: Any) -> Any:
        seen.update(options)
        raise pymysql.OperationalError(2003, "Can't connect")

    accounts = MySQLAccounts(port=3307, connect_seconds=2, answer_seconds=3, connect=connect)
    answer = await accounts.ensure(WANTED, secrets, go_on)
    accounts.close()
    assert answer.state is AccountState.UNREACHABLE
    assert (seen["host"], seen["port"], seen["user"]) == ("localhost", 3307, "pba_admin")
    assert (seen["connect_timeout"], seen["read_timeout"], seen["write_timeout"]) == (2, 3, 3)
    context = seen["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


async def test_an_error_that_quotes_a_password_is_told_without_it(secrets: dict[ChildId, Manifest]) -> None:
    def connect(**_options: Any) -> Any:
        raise pymysql.ProgrammingError(1064, "You have an error near 'app-s3cret' and 'top-s3cret'")

    accounts = MySQLAccounts(connect=connect)
    answer = await accounts.ensure(WANTED, secrets, go_on)
    accounts.close()
    assert "s3cret" not in answer.detail
    assert "You have an error" in answer.detail


HANDSHAKE = (
    b"\x0a9.7.4\0"
    + struct.pack("<I", 7)
    + b"12345678\0"
    + struct.pack("<H", 0xFFFF & ~0x0800)  # all capabilities but TLS
    + b"\xff"
    + struct.pack("<HH", 2, 0x00FF)
    + bytes([21])
    + bytes(10)
    + b"123456789012\0"
    + b"caching_sha2_password\0"
)


async def test_a_server_that_offers_no_encryption_gets_no_password(secrets: dict[ChildId, Manifest]) -> None:
    received = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pretend() -> None:
            connection, _address = listener.accept()
            with connection:
                connection.sendall(struct.pack("<I", len(HANDSHAKE)) + HANDSHAKE)
                while data := connection.recv(4096):
                    received.extend(data)

        thread = threading.Thread(target=pretend)
        thread.start()
        accounts = MySQLAccounts(port=listener.getsockname()[1], answer_seconds=5)
        answer = await accounts.ensure(WANTED, secrets, go_on)
        accounts.close()
        thread.join(5)
    assert answer.state is AccountState.UNREACHABLE
    assert "TLS" in answer.detail
    assert not received


async def test_one_that_hangs_holds_one_thread_and_nobody_else(secrets: dict[ChildId, Manifest]) -> None:
    release = threading.Event()

    def connect(*, host: str, **_options: Any) -> Any:
        if host == "hangs":
            release.wait(10)
        raise pymysql.OperationalError(2013, "Lost connection")

    accounts = MySQLAccounts(threads=2, connect=connect)
    hanging = asyncio.create_task(accounts.ensure(EnsureAccounts("hangs", *WANTED_REST), secrets, go_on))
    answers = [await accounts.ensure(WANTED, secrets, go_on) for _ in range(5)]
    assert all(answer.state is AccountState.UNREACHABLE for answer in answers)
    assert not hanging.done()
    release.set()
    assert (await hanging).state is AccountState.UNREACHABLE
    accounts.close()


WANTED_REST = ("app", "app", (APP, "password"), ADMIN, CA, "1")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (pymysql.OperationalError(1040, "Too many connections"), Unreachable),
        (pymysql.OperationalError(1053, "Server shutdown in progress"), Unreachable),
        (pymysql.OperationalError(1317, "Query execution was interrupted"), Unreachable),
        (pymysql.OperationalError(2013, "Lost connection"), Unreachable),
        (pymysql.OperationalError(1045, "Access denied"), LoginRefused),
        (pymysql.OperationalError(3118, "Account is locked"), LoginRefused),
        (pymysql.OperationalError(1290, "--super-read-only"), Refused),
        (pymysql.OperationalError(1819, "policy"), Refused),
        (pymysql.OperationalError("received unknown auth switch request"), Refused),
        (pymysql.InterfaceError(), Refused),
    ],
)
def test_an_error_says_whether_to_wait_or_to_act(error: pymysql.MySQLError, kind: type[Exception]) -> None:
    result = translated(error)
    assert type(result) is kind
    assert str(result)


def test_names_are_quoted() -> None:
    assert identifier("a`; DROP DATABASE b; --%s") == "`a``; DROP DATABASE b; --%%s`"
