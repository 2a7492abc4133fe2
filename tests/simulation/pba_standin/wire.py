"""MySQL's protocol as bytes: what a server says, and what it reads from a client. Pure.

What must stay true: it is what a server of MySQL 8 and later says to a client with TLS and `caching_sha2_password`,
which is all that the operator uses. Texts are utf8mb4. Source: "Client/Server Protocol" in the documentation of
MySQL's source code.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pymysql.constants import CLIENT, FIELD_TYPE, SERVER_STATUS

from pba_standin.errors import SqlError

PLUGIN: Final = "caching_sha2_password"
NONCE_LENGTH: Final = 20
CAPABILITIES: Final = (
    CLIENT.CAPABILITIES | CLIENT.CONNECT_WITH_DB | CLIENT.SSL | CLIENT.HANDLE_EXPIRED_PASSWORDS
)
"""Without MULTI_STATEMENTS and DEPRECATE_EOF: PyMySQL asks for neither."""
_UTF8MB4: Final = 255
_BINARY: Final = 63
_NULL: Final = b"\xfb"
_SSL_REQUEST_LENGTH: Final = 32
_NUMBERS: Final = frozenset({FIELD_TYPE.LONGLONG, FIELD_TYPE.LONG})


@dataclass(frozen=True)
class Column:
    """A column of a result."""

    name: str
    type: int = FIELD_TYPE.VAR_STRING


@dataclass(frozen=True)
class Rows:
    """A result with rows; the values as MySQL writes them."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Done:
    """A result without rows."""

    affected: int = 0
    warnings: int = 0


@dataclass(frozen=True)
class LoginRequest:
    """What a client says of itself."""

    user: str
    scramble: bytes
    schema: str
    plugin: str
    can_renew_password: bool
    """Whether it would go on with an expired password."""


def greeting(version: str, connection_id: int, nonce: bytes, *, has_tls: bool) -> bytes:
    """Return the first packet of a server."""
    offered = CAPABILITIES if has_tls else CAPABILITIES & ~CLIENT.SSL
    low, high = offered & 0xFFFF, offered >> 16
    return b"".join((
        b"\x0a",
        version.encode(),
        b"\0",
        struct.pack("<I", connection_id),
        nonce[:8],
        b"\0",
        struct.pack("<HBHHB", low, _UTF8MB4, SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT, high, len(nonce) + 1),
        bytes(10),
        nonce[8:],
        b"\0",
        PLUGIN.encode(),
        b"\0",
    ))  # fmt: skip


def asks_for_tls(packet: bytes) -> bool:
    """Tell whether a client's first packet is a request to begin TLS."""
    return len(packet) == _SSL_REQUEST_LENGTH and bool(struct.unpack_from("<I", packet)[0] & CLIENT.SSL)


def login_request(packet: bytes) -> LoginRequest:
    """Read a client's HandshakeResponse41."""
    flags = struct.unpack_from("<I", packet)[0]
    user, rest = _until_zero(packet[_SSL_REQUEST_LENGTH:])
    scramble, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    schema = b""
    if flags & CLIENT.CONNECT_WITH_DB:
        schema, rest = _until_zero(rest)
    plugin, _rest = _until_zero(rest)
    can_renew = bool(flags & CLIENT.HANDLE_EXPIRED_PASSWORDS)
    return LoginRequest(user.decode(), scramble, schema.decode(), plugin.decode(), can_renew)


def _until_zero(data: bytes) -> tuple[bytes, bytes]:
    text, _zero, rest = data.partition(b"\0")
    return text, rest


def more_of_login(data: bytes) -> bytes:
    """Return an AuthMoreData packet."""
    return b"\x01" + data


def done(result: Done) -> bytes:
    """Return an OK packet."""
    status = struct.pack("<HH", SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT, result.warnings)
    return b"\0" + _length(result.affected) + b"\0" + status


def error(problem: SqlError, *, before_login: bool = False) -> bytes:
    """Return an ERR packet; before the login, a client has not said yet that it knows states."""
    state = b"" if before_login else b"#" + problem.state.encode()
    return b"\xff" + struct.pack("<H", problem.number) + state + problem.message.encode()


def rows(result: Rows) -> list[bytes]:
    """Return the packets of a result with rows."""
    end = b"\xfe" + struct.pack("<HH", 0, SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT)
    return [
        _length(len(result.columns)),
        *map(_definition, result.columns),
        end,
        *(b"".join(map(_value, row)) for row in result.rows),
        end,
    ]


def _definition(column: Column) -> bytes:
    charset = _BINARY if column.type in _NUMBERS else _UTF8MB4
    names = b"".join(map(_text, ("def", "", "", "", column.name, column.name)))
    return names + b"\x0c" + struct.pack("<HIBHB", charset, 1024, column.type, 0, 0) + bytes(2)


def _value(value: str | None) -> bytes:
    return _NULL if value is None else _text(value)


def _text(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data


def _length(number: int) -> bytes:
    """Return a length-encoded integer."""
    if number < 0xFB:
        return bytes([number])
    if number < 1 << 16:
        return b"\xfc" + struct.pack("<H", number)
    return b"\xfd" + struct.pack("<I", number)[:3]
