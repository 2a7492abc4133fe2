"""The reseller's pages: the store's name and logo, and its books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, request, url_for

from pba_demoapp import ledger, storefront
from pba_demoapp.errors import DemoappError
from pba_demoapp.web import csrf
from pba_demoapp.web.context import read, reseller, write
from pba_demoapp.web.pages import show

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from werkzeug.wrappers import Response as AnyResponse

blueprint = Blueprint("office", __name__)
blueprint.before_request(csrf.check)
blueprint.after_request(csrf.keep_cookie)

_TRANSACTIONS_LIMIT = 15


@blueprint.get("/settings")
def settings() -> str:
    """Show the store's settings."""
    reseller()
    return show("settings.html", limit_kib=storefront.LOGO_LIMIT // 1024, saved="saved" in request.args)


@blueprint.post("/settings")
def change_settings() -> AnyResponse | tuple[str, int]:
    """Change the store's name, tagline and colour, and its logo if one is sent along."""
    reseller()
    form = {name: request.form.get(name, "") for name in ("name", "tagline", "color")}
    upload = request.files.get("logo")
    data = upload.read() if upload is not None else b""

    def work(connection: Connection) -> None:
        storefront.rename(connection, **form)
        if "remove_logo" in request.form:
            storefront.remove_logo(connection)
        if data:
            storefront.set_logo(connection, data, media_type)

    try:
        media_type = storefront.picture_type(data) if data else ""
        write(work, idempotent=True)
    except DemoappError as error:
        if error.status >= 500:  # noqa: PLR2004
            raise
        limit = storefront.LOGO_LIMIT // 1024
        return show("settings.html", limit_kib=limit, saved=False, message=str(error)), error.status
    return redirect(url_for("office.settings", saved=1), 303)


@blueprint.get("/ledger")
def show_ledger() -> str:
    """Show the books."""
    reseller()

    def books(connection: Connection) -> dict[str, Any]:
        ledger.snapshot(connection)
        return {
            "check": ledger.check(connection),
            "balances": ledger.balances(connection),
            "transactions": ledger.newest(connection, _TRANSACTIONS_LIMIT),
        }

    return show("ledger.html", **read(books))
