"""Accounts, log-in and sessions.

Sessions are rows in MySQL, so any node serves any client. Only the hash of a session's token is kept: who reads the
table cannot log in with it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exc, insert, select, update

from pba_demoapp.database import error_code
from pba_demoapp.errors import EmailTakenError, InvalidError, WrongCredentialsError
from pba_demoapp.passwords import hash_password, verify_password
from pba_demoapp.schema import accounts, sessions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection, Row

CUSTOMER = "customer"
RESELLER = "reseller"
SESSION_LENGTH = timedelta(days=14)

_DUPLICATE = 1062
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,120}")
_NAME_LIMIT = 100
_PASSWORD_SHORTEST, _PASSWORD_LONGEST = 8, 128
_NOBODY = hash_password(secrets.token_hex())
"""Compared with when there is no such account, so that the time taken does not tell."""


@dataclass(frozen=True)
class Account:
    """Somebody who signed up."""

    id: int
    email: str
    name: str
    role: str

    @property
    def is_reseller(self) -> bool:
        """Whether the store is theirs."""
        return self.role == RESELLER


@dataclass(frozen=True)
class NewAccount:
    """What somebody signs up with, checked; the password is a hash already, which takes time."""

    email: str
    name: str
    password_hash: str


def check_new_account(email: str, name: str, password: str) -> NewAccount:
    """Return the sign-up's data, tidied and checked.

    Raises:
        InvalidError: something is missing or too long.
    """
    email, name = email.strip().lower(), " ".join(name.split())
    if not _EMAIL.fullmatch(email):
        raise InvalidError("Give an e-mail address, such as ada@example.com.")
    if not 1 <= len(name) <= _NAME_LIMIT:
        raise InvalidError(f"Give a name of at most {_NAME_LIMIT} characters.")
    if not _PASSWORD_SHORTEST <= len(password) <= _PASSWORD_LONGEST:
        raise InvalidError(f"Choose a password of {_PASSWORD_SHORTEST} to {_PASSWORD_LONGEST} characters.")
    return NewAccount(email, name, hash_password(password))


def sign_up(connection: Connection, new: NewAccount, now: datetime) -> Account:
    """Create the account.

    Raises:
        EmailTakenError: there is one with this e-mail address.
    """
    values = {"email": new.email, "name": new.name, "password_hash": new.password_hash}
    try:
        done = connection.execute(insert(accounts).values(**values, role=CUSTOMER, created_at=now))
    except exc.IntegrityError as error:
        if error_code(error) == _DUPLICATE:
            raise EmailTakenError from error
        raise
    return Account(done.lastrowid, new.email, new.name, CUSTOMER)


def check_credentials(connection: Connection, email: str, password: str) -> Account:
    """Return the account with this e-mail address and password.

    Raises:
        WrongCredentialsError: there is none.
    """
    row = connection.execute(select(accounts).where(accounts.c.email == email.strip().lower())).one_or_none()
    if not verify_password(password, row.password_hash if row is not None else _NOBODY) or row is None:
        raise WrongCredentialsError
    return _account(row)


def new_token() -> str:
    """Return a new session's secret token."""
    return secrets.token_urlsafe(32)


def start_session(connection: Connection, account: Account, token: str, now: datetime) -> None:
    """Log the account in: from now on `token` stands for it."""
    values = {"token_hash": _hashed(token), "account_id": account.id, "expires_at": now + SESSION_LENGTH}
    connection.execute(insert(sessions).values(**values))


def end_session(connection: Connection, token: str) -> None:
    """Log out."""
    connection.execute(delete(sessions).where(sessions.c.token_hash == _hashed(token)))


def account_of(connection: Connection, token: str, now: datetime) -> Account | None:
    """Return whom the session's token stands for, or None if it has ended."""
    query = (
        select(accounts)
        .join(sessions, sessions.c.account_id == accounts.c.id)
        .where(sessions.c.token_hash == _hashed(token), sessions.c.expires_at > now)
    )
    row = connection.execute(query).one_or_none()
    return _account(row) if row is not None else None


def ensure_reseller(connection: Connection, email: str, password: str, now: datetime) -> None:
    """Let the reseller log in with this password; writes only if that is not so yet."""
    row = connection.execute(select(accounts).where(accounts.c.email == email)).one_or_none()
    if row is not None and row.role == RESELLER and verify_password(password, row.password_hash):
        return
    values = {"password_hash": hash_password(password), "role": RESELLER}
    if row is not None:
        connection.execute(update(accounts).where(accounts.c.id == row.id).values(**values))
        return
    try:
        connection.execute(insert(accounts).values(email=email, name="Reseller", created_at=now, **values))
    except exc.IntegrityError as error:
        if error_code(error) != _DUPLICATE:  # another node that starts at the same moment was first
            raise


def csrf_token(token: str) -> str:
    """Return what a form must bring along in the session of `token`: known to every node, to no other site."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.email, row.name, row.role)
