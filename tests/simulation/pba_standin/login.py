"""Who a client is, and whether it is let in: proven as `caching_sha2_password` has it, refused as MySQL does."""

from __future__ import annotations

from typing import Final

from pymysql.constants import ER

from pba_standin import wire
from pba_standin.channel import Channel
from pba_standin.database import Account, Database
from pba_standin.errors import SqlError, UnknownHere
from pba_standin.session import Session

_FAST_WAY_DONE: Final = b"\x03"
_SEND_IT_ALL: Final = b"\x04"
_LOCKED: Final = 3118
_EXPIRED: Final = 1862
_TLS_IS_REQUIRED: Final = 3159


def let_in(channel: Channel, request: wire.LoginRequest, nonce: bytes, session: Session) -> Account:
    """Have a client prove who it is; return its account.

    Raises:
        SqlError: it is not let in.
    """
    if request.plugin != wire.PLUGIN:
        raise UnknownHere(f"a login by {request.plugin}")
    if session.variables.is_on("require_secure_transport") and not channel.is_encrypted:
        raise SqlError(
            _TLS_IS_REQUIRED,
            "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
        )
    account = session.database.account_for(request.user, session.address)
    is_proven = _is_proven(channel, request, nonce, account)
    if account is None or not is_proven or (account.needs_tls and not channel.is_encrypted):
        said = "YES" if request.scramble else "NO"
        raise SqlError(
            ER.ACCESS_DENIED_ERROR,
            f"Access denied for user '{request.user}'@'{session.address}' (using password: {said})",
        )
    if account.is_locked:
        raise SqlError(
            _LOCKED, f"Access denied for user '{request.user}'@'{session.address}'. Account is locked."
        )
    if account.is_expired:
        raise _expired(request)
    return account


def _is_proven(channel: Channel, request: wire.LoginRequest, nonce: bytes, account: Account | None) -> bool:
    """Tell whether a client knows the account's password. One that does not exist takes the same way."""
    if not request.scramble:
        return account is not None and account.password.is_empty
    if account is not None and account.password.is_proven(request.scramble, nonce):
        channel.write(wire.more_of_login(_FAST_WAY_DONE))
        return True
    channel.write(wire.more_of_login(_SEND_IT_ALL))
    sent = channel.read()
    if not channel.is_encrypted:
        raise UnknownHere("a login with a new password without TLS")
    return account is not None and account.password.fits(sent.removesuffix(b"\0"))


def _expired(request: wire.LoginRequest) -> SqlError:
    if request.can_renew_password:
        return UnknownHere("a session in which an expired password may be changed")
    return SqlError(
        _EXPIRED,
        "Your password has expired. To log in you must change it using a client that supports expired passwords.",
    )


def use(schema: str, session: Session) -> None:
    """Make sure that a session may have a default schema.

    Raises:
        SqlError: it may not, or there is none of this name.
    """
    if not session.can_see(schema):
        raise session.no_access_to(schema)
    if not exists(schema, session.database):
        raise SqlError(ER.BAD_DB_ERROR, f"Unknown database '{schema}'")


def exists(schema: str, database: Database) -> bool:
    """Tell whether there is a schema."""
    return schema in database.schemas
