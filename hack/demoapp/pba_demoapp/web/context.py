"""What a request's handler works with: configuration, database, clock, and who is logged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from flask import current_app, g, request

from pba_demoapp import accounts
from pba_demoapp.errors import NotLoggedInError, NotTheResellerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flask import Response
    from sqlalchemy.engine import Connection

    from pba_demoapp.accounts import Account
    from pba_demoapp.database import Database
    from pba_demoapp.preparing import Readiness
    from pba_demoapp.settings import Settings

Result = TypeVar("Result")

SESSION_COOKIE = "store_session"


@dataclass(frozen=True)
class Context:
    """What the application was put together from."""

    settings: Settings
    database: Database
    readiness: Readiness
    clock: Callable[[], datetime]


def context() -> Context:
    """Return the present application's context."""
    return cast("Context", current_app.extensions["demoapp"])


def read(work: Callable[[Connection], Result]) -> Result:
    """Return what `work` reads; read twice if the connection is lost, which does no harm."""
    return context().database.run(work, idempotent=True)


def write(work: Callable[[Connection], Result], *, idempotent: bool = False) -> Result:
    """Return what `work` returns, committed (see `Database.run`)."""
    return context().database.run(work, idempotent=idempotent)


def now() -> datetime:
    """Return the present time in UTC."""
    return context().clock()


def session_token() -> str:
    """Return the session's token that the request brings, or an empty string."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.cookies.get(SESSION_COOKIE, "")


def visitor() -> Account | None:
    """Return who is logged in, or None; asked of the database once for each request."""
    if "visitor" not in g:
        token = session_token()
        at = now()
        g.visitor = read(lambda connection: accounts.account_of(connection, token, at)) if token else None
    return cast("Account | None", g.visitor)


def account() -> Account:
    """Return who is logged in.

    Raises:
        NotLoggedInError: nobody is.
    """
    found = visitor()
    if found is None:
        raise NotLoggedInError
    return found


def reseller() -> Account:
    """Return the reseller, who is logged in.

    Raises:
        NotLoggedInError: nobody is.
        NotTheResellerError: somebody else is.
    """
    found = account()
    if not found.is_reseller:
        raise NotTheResellerError
    return found


def keep_session(response: Response, token: str) -> None:
    """Let the browser keep the session; the cookie is marked Secure where the request came by HTTPS."""
    secure = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(accounts.SESSION_LENGTH.total_seconds()),
        httponly=True,
        secure=secure,
        samesite="Lax",
    )


def is_api() -> bool:
    """Tell whether a program asks."""
    return request.path.startswith("/api/")


def wants_json() -> bool:
    """Tell whether the answer is to be JSON: for the API, and whoever asks for it."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return is_api() or best == "application/json"
