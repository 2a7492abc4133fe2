"""One connection from the greeting to its end."""

from __future__ import annotations

import secrets
import string
from typing import Final

from pymysql.constants import COMMAND, ER

from pba_standin import login, wire
from pba_standin.channel import Channel, ChannelClosed
from pba_standin.errors import SqlError, UnknownHere
from pba_standin.execution import Result
from pba_standin.server import ConnectionLost, Server
from pba_standin.session import Session
from pba_standin.tls import context

_LETTERS: Final = string.ascii_letters + string.digits
"""Of nonces: a zero byte would end them early."""


class Conversation:
    """What is said between one client and a server."""

    def __init__(self, channel: Channel, server: Server, session: Session) -> None:
        self._channel = channel
        self._server = server
        self._session = session

    def hold(self, number: int) -> None:
        """Hold it until one side hangs up."""
        self._server.wait_while_frozen()
        if not self._server.has_room(self._session):
            self._channel.answer(_no_room(), before_login=True)
        elif self._logs_in(number):
            self._serve()

    def _logs_in(self, number: int) -> bool:
        nonce = "".join(secrets.choice(_LETTERS) for _ in range(wire.NONCE_LENGTH)).encode()
        tls = context(self._server.files.certificate, self._server.files.key)
        has_tls = tls is not None
        self._channel.write(wire.greeting(self._session.version, number, nonce, has_tls=has_tls))
        packet = self._read()
        if tls is not None and wire.asks_for_tls(packet):
            self._channel.begin_tls(tls)
            packet = self._read()
        request = wire.login_request(packet)
        try:
            self._session.account = login.let_in(self._channel, request, nonce, self._session)
            if not self._server.has_room(self._session):
                raise _no_room()
            if request.schema:
                login.use(request.schema, self._session)
        except SqlError as refusal:
            self._refuse(refusal)
            return False
        self._channel.answer(wire.Done())
        return True

    def _serve(self) -> None:
        while (packet := self._read())[0] != COMMAND.COM_QUIT:
            try:
                self._channel.answer(self._result_of(packet[0], packet[1:]))
            except SqlError as refusal:
                self._refuse(refusal)

    def _result_of(self, command: int, argument: bytes) -> Result:
        if command == COMMAND.COM_PING:
            return wire.Done()
        if command != COMMAND.COM_QUERY:
            raise UnknownHere(f"the command {command}")
        return self._server.carry_out(argument.decode(), self._session)

    def _read(self) -> bytes:
        packet = self._channel.read()
        self._server.wait_while_frozen()
        return packet

    def _refuse(self, refusal: SqlError) -> None:
        if isinstance(refusal, UnknownHere):
            self._server.unknown.append(refusal)
        self._channel.answer(refusal)


def converse(channel: Channel, server: Server, address: str, number: int) -> None:
    """Hold a conversation until one side hangs up.

    Args:
        channel: to the client; it is closed afterwards.
        server: whom the client speaks with.
        address: where the client is.
        number: of the connection.
    """
    try:
        with server.session(address) as session:
            Conversation(channel, server, session).hold(number)
    except (ChannelClosed, ConnectionLost):
        return
    finally:
        channel.close()


def _no_room() -> SqlError:
    return SqlError(ER.CON_COUNT_ERROR, "Too many connections")
