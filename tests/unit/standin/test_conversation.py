"""What no client of ours would do, and what mysqld makes of its init file."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from pba_standin.channel import Channel
from pba_standin.contract.pretended import PretendedMember
from pba_standin.conversation import Conversation
from pba_standin.database import Database
from pba_standin.errors import UnknownHere
from pba_standin.server import Server
from pba_standin.statements import Name
from pba_standin.wire import CAPABILITIES, Done, Rows
from pymysql.constants import CLIENT

LOGIN = (
    struct.pack("<IIB23x", CAPABILITIES & ~CLIENT.CONNECT_WITH_DB, 0, 255)
    + b"nobody\0\0caching_sha2_password\0"
)
QUERY = b"\x03SELECT 1"


class Impudent(Channel):
    """A client that says what it wants to, whatever it is told."""

    def __init__(self, *says: bytes) -> None:
        self.says = list(says)
        self.told: list[object] = []

    def read(self) -> bytes:
        return self.says.pop(0)

    def write(self, *packets: bytes) -> None:
        self.told.extend(packets)

    def answer(self, result: object, *, before_login: bool = False) -> None:
        assert not before_login
        self.told.append(result)

    @property
    def is_encrypted(self) -> bool:
        return False


def test_who_was_refused_is_not_listened_to_any_more(subject: PretendedMember) -> None:
    server = subject.stand_in.server(subject.host)
    client = Impudent(LOGIN, QUERY)
    with server.session("127.0.0.1") as session:
        Conversation(client, server, session).hold(1)
    assert client.says == [QUERY]
    assert not any(isinstance(answer, Done | Rows) for answer in client.told)


def test_mysqld_stops_at_the_first_statement_of_its_init_file_that_fails(subject: PretendedMember) -> None:
    files = subject.stand_in.server(subject.host).files
    script = "CREATE DATABASE a; DROP USER 'nobody'@'%'; CREATE DATABASE b;"
    database = Server(Database(), replace(files, init_sql=script)).database
    assert "a" in database.schemas
    assert "b" not in database.schemas


@pytest.mark.parametrize(
    "script",
    [
        "CREATE DATABASE a; FLUSH PRIVILEGES;",
        "SET GLOBAL innodb_flush_log_at_trx_commit = 0;",
        "CREATE DATABASE a",
    ],
)
def test_an_init_file_with_something_that_is_not_known_is_an_error(
    subject: PretendedMember, script: str
) -> None:
    files = subject.stand_in.server(subject.host).files
    with pytest.raises(UnknownHere):
        Server(Database(), replace(files, init_sql=script))


def test_what_the_init_file_does_is_no_transaction(subject: PretendedMember) -> None:
    database = subject.stand_in.server(subject.host).database
    assert database.transactions == 0
    assert set(database.accounts) >= {Name("pba_admin", "%"), Name("pba_probe", "localhost")}
    assert [name for name, account in database.accounts.items() if not account.is_locked] == [
        Name("pba_admin", "%"),
        Name("pba_probe", "localhost"),
    ]
