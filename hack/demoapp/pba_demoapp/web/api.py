"""The JSON API; README.md documents it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from pba_demoapp import accounts, invoices, ledger, orders, storefront
from pba_demoapp.errors import InvalidError
from pba_demoapp.web.context import (
    account,
    context,
    keep_session,
    now,
    read,
    reseller,
    session_token,
    write,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from pba_demoapp.accounts import Account

blueprint = Blueprint("api", __name__, url_prefix="/api")

_LIST_LIMIT = 50
_MISSING_LIMIT = 10_000


@blueprint.before_request
def _only_json() -> None:
    """Refuse what another site's form could send in the name of somebody who is logged in here."""
    if request.method == "POST" and request.content_length and not request.is_json:
        raise InvalidError("Send JSON, with Content-Type: application/json.")


def _body() -> dict[str, Any]:
    found = request.get_json(silent=True) if request.content_length else {}
    if not isinstance(found, dict):
        raise InvalidError("Send a JSON object.")
    return found


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise InvalidError(f"{name} must be a string.")
    return value


def _session(found: Account, token: str, status: int) -> tuple[Response, int]:
    response = jsonify(account={"id": found.id, "email": found.email, "name": found.name}, token=token)
    keep_session(response, token)
    return response, status


@blueprint.post("/signup")
def sign_up() -> tuple[Response, int]:
    """Create an account, and log in."""
    body = _body()
    new = accounts.check_new_account(_text(body, "email"), _text(body, "name"), _text(body, "password"))
    token, at = accounts.new_token(), now()

    def work(connection: Connection) -> Account:
        created = accounts.sign_up(connection, new, at)
        accounts.start_session(connection, created, token, at)
        return created

    return _session(write(work), token, 201)


@blueprint.post("/login")
def log_in() -> tuple[Response, int]:
    """Log in."""
    body = _body()
    email, password = _text(body, "email"), _text(body, "password")
    found = read(lambda connection: accounts.check_credentials(connection, email, password))
    token, at = accounts.new_token(), now()
    write(lambda connection: accounts.start_session(connection, found, token, at))
    return _session(found, token, 200)


@blueprint.post("/logout")
def log_out() -> tuple[str, int]:
    """Log out."""
    token = session_token()
    write(lambda connection: accounts.end_session(connection, token), idempotent=True)
    return "", 204


@blueprint.get("/me")
def me() -> Response:
    """Answer who is logged in."""
    found = account()
    return jsonify(account={"id": found.id, "email": found.email, "name": found.name})


@blueprint.get("/products")
def products() -> Response:
    """Answer what the store sells."""
    shown = ("code", "name", "summary", "category", "price_cents", "period")
    rows = read(storefront.catalogue)
    return jsonify(products=[{name: getattr(row, name) for name in shown} for row in rows])


def _lines(body: dict[str, Any]) -> dict[str, int]:
    lines = body.get("lines")
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise InvalidError('lines must be an array such as [{"product": "web-s", "quantity": 1}].')
    wanted = [(_text(line, "product"), line.get("quantity", 1)) for line in lines]
    if not all(type(quantity) is int for _, quantity in wanted):
        raise InvalidError("A quantity is a whole number.")
    return orders.check_lines(wanted)


@blueprint.post("/orders")
def place_order() -> tuple[Response, int]:
    """Place an order, once for each idempotency key."""
    key = request.headers.get("Idempotency-Key") or request.headers.get("X-Request-Id")
    if key is not None and len(key) > orders.REQUEST_ID_LIMIT:
        raise InvalidError(f"An idempotency key has at most {orders.REQUEST_ID_LIMIT} characters.")
    buyer, lines, at = account(), _lines(_body()), now()
    request_id = key or uuid.uuid4().hex
    node = context().settings.node

    def work(connection: Connection) -> tuple[orders.Order, bool]:
        return orders.place(connection, buyer.id, lines, request_id=request_id, node=node, now=at)

    order, replayed = write(work, idempotent=key is not None)
    return jsonify(order=order.as_json(), replayed=replayed), 200 if replayed else 201


@blueprint.get("/orders")
def list_orders() -> Response:
    """Answer the newest orders."""
    buyer = account()
    found = read(lambda connection: orders.newest(connection, buyer.id, _LIST_LIMIT))
    return jsonify(orders=[order.as_json() for order in found])


@blueprint.get("/orders/<int:order_id>")
def show_order(order_id: int) -> Response:
    """Answer one order."""
    buyer = account()
    return jsonify(order=read(lambda connection: orders.get(connection, buyer.id, order_id)).as_json())


@blueprint.get("/invoices/<int:invoice_id>")
def show_invoice(invoice_id: int) -> Response:
    """Answer one invoice with its entries in the ledger."""
    buyer = account()
    return jsonify(invoice=read(lambda connection: invoices.get(connection, buyer.id, invoice_id)).as_json())


@blueprint.post("/invoices/<int:invoice_id>/pay")
def pay_invoice(invoice_id: int) -> Response:
    """Book the payment of an invoice; paying twice changes nothing."""
    buyer, at = account(), now()
    paid = write(lambda connection: invoices.pay(connection, buyer.id, invoice_id, at), idempotent=True)
    return jsonify(invoice=paid.as_json())


@blueprint.get("/store")
def show_store() -> Response:
    """Answer the store's name, colours and logo."""
    return jsonify(store=read(storefront.get).as_json())


@blueprint.put("/store/logo")
def upload_logo() -> Response:
    """Keep the reseller's logo."""
    reseller()
    data = request.get_data(cache=False)
    media_type = storefront.picture_type(data)

    def work(connection: Connection) -> storefront.Store:
        storefront.set_logo(connection, data, media_type)
        return storefront.get(connection)

    return jsonify(store=write(work, idempotent=True).as_json())


@blueprint.post("/ledger/missing")
def missing_orders() -> Response:
    """Answer which of the given request identifiers have no order."""
    wanted = _body().get("request_ids")
    if (
        not isinstance(wanted, list)
        or len(wanted) > _MISSING_LIMIT
        or not all(isinstance(i, str) for i in wanted)
    ):
        raise InvalidError(f"request_ids must be an array of at most {_MISSING_LIMIT} strings.")
    return jsonify(missing=read(lambda connection: ledger.missing_orders(connection, wanted)))
