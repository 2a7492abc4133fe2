"""Forms of other sites must not act in the name of somebody who is logged in here.

Each form brings along a token derived from the visitor's session, or before log-in from a random cookie. Any node can
check it, since it follows from what the browser sends.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, cast

from flask import g, request

from pba_demoapp.accounts import csrf_token
from pba_demoapp.errors import InvalidError
from pba_demoapp.web.context import SESSION_COOKIE

if TYPE_CHECKING:
    from flask import Response

FIELD = "csrf_token"
_COOKIE = "store_visit"


def token() -> str:
    """Return the token that a form on this page must bring along."""
    return csrf_token(request.cookies.get(SESSION_COOKIE) or _visit())


def check() -> None:
    """Refuse a form that does not come from our own page.

    Raises:
        InvalidError: the token is missing or another visitor's.
    """
    if request.method == "POST" and not hmac.compare_digest(request.form.get(FIELD, ""), token()):
        raise InvalidError("This form has expired: go back, load the page again and send it once more.")


def keep_cookie(response: Response) -> Response:
    """Let the browser keep the random cookie if it has none yet and a page needed it."""
    if "new_visit" in g:
        response.set_cookie(_COOKIE, g.new_visit, httponly=True, samesite="Lax")
    return response


def _visit() -> str:
    kept = request.cookies.get(_COOKIE)
    if kept:
        return kept
    if "new_visit" not in g:
        g.new_visit = secrets.token_urlsafe(24)
    return cast("str", g.new_visit)
