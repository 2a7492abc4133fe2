"""Puts the application together."""

from __future__ import annotations

import io
import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from pba_demoapp.database import open_database
from pba_demoapp.errors import DatabaseError, DatabaseUnavailableError, DemoappError, NotLoggedInError
from pba_demoapp.preparing import Readiness
from pba_demoapp.storefront import LOGO_LIMIT
from pba_demoapp.web import api, filters, health, office, pages
from pba_demoapp.web.context import Context, is_api, wants_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from pba_demoapp.settings import Settings

log = logging.getLogger(__name__)

_BODY_LIMIT = LOGO_LIMIT + 16 * 1024
_ONE_YEAR_SECONDS = 365 * 24 * 3600
_ID_LIMIT = 64


class _InMemory(Request):
    """A request whose uploads stay in memory: bodies are small, and the root file system is read-only."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def utc_now() -> datetime:
    """Return the present time in UTC, as MySQL keeps it (without a zone)."""
    return datetime.now(UTC).replace(tzinfo=None)


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Flask:
    """Return the application; its database gets ready in the background."""
    app = Flask(__name__)
    app.request_class = _InMemory
    app.config.update(MAX_CONTENT_LENGTH=_BODY_LIMIT, SEND_FILE_MAX_AGE_DEFAULT=_ONE_YEAR_SECONDS)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    database = open_database(settings)
    readiness = Readiness(settings, database, clock)
    app.extensions["demoapp"] = Context(settings, database, readiness, clock)
    for blueprint in (health.blueprint, api.blueprint, pages.blueprint, office.blueprint):
        app.register_blueprint(blueprint)
    filters.register(app)
    app.before_request(_identify)
    app.before_request(lambda: _refuse_unprepared(readiness))
    app.after_request(lambda response: _mark(response, settings.node))
    app.register_error_handler(DemoappError, _tell)
    app.register_error_handler(HTTPException, _tell_http)
    app.register_error_handler(Exception, _tell_bug)
    readiness.start()
    return app


def _identify() -> None:
    g.request_id = request.headers.get("X-Request-Id", "")[:_ID_LIMIT] or uuid.uuid4().hex


def _refuse_unprepared(readiness: Readiness) -> None:
    if readiness.prepared or request.blueprint == health.blueprint.name or request.endpoint == "static":
        return
    raise DatabaseUnavailableError("the schema is being prepared")


def _mark(response: Response, node: str) -> Response:
    response.headers["X-Node"] = node
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'self'"
    )
    return response


def _tell(error: DemoappError) -> Response | tuple[Response, int]:
    if isinstance(error, DatabaseError):
        log.warning("%s %s: %s", request.method, request.path, error)
    if isinstance(error, NotLoggedInError) and not wants_json():
        return pages.to_login()
    return _answer(error.status, error.code, str(error), retry=isinstance(error, DatabaseError))


def _tell_http(error: HTTPException) -> Response | tuple[Response, int]:
    if error.code is not None and error.code < 400:  # noqa: PLR2004  # a redirect to the address with a slash
        return error.get_response()  # type: ignore[return-value]
    code = {413: "too_large", 404: "not_found"}.get(error.code or 0, "invalid")
    return _answer(error.code or 500, code, error.description or error.name, retry=False)


def _tell_bug(error: Exception) -> tuple[Response, int]:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(500, "internal", "Something is broken here; the log of this node says what.", retry=False)


def _answer(status: int, code: str, message: str, *, retry: bool) -> tuple[Response, int]:
    if is_api() or wants_json():
        response = jsonify(error=code, message=message)
    else:
        response = Response(_error_page(status=status, message=message, retry=retry))
    if retry:
        response.headers["Retry-After"] = "1"
    return response, status


def _error_page(*, status: int, message: str, retry: bool) -> str:
    """Return the page for an error, in the store's dress if the database can tell it."""
    if not retry:
        try:
            return pages.show("error.html", status=status, message=message, retry=False)
        except DatabaseError as error:
            log.warning("an error page without the store's name: %s", error)
    return render_template("error.html", status=status, message=message, retry=retry)
