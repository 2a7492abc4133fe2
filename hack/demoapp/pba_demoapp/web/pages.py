"""The pages for customers: store front, catalogue, cart, log-in, account, orders and invoices."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from pba_demoapp import accounts, invoices, orders, storefront
from pba_demoapp.errors import DemoappError, InvalidError, NotFoundError
from pba_demoapp.web import cart, csrf
from pba_demoapp.web.context import (
    SESSION_COOKIE,
    account,
    context,
    keep_session,
    now,
    read,
    visitor,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection
    from werkzeug.wrappers import Response as AnyResponse

    from pba_demoapp.accounts import Account

blueprint = Blueprint("pages", __name__)
blueprint.before_request(csrf.check)
blueprint.after_request(csrf.keep_cookie)

_LIST_LIMIT = 25
_ONE_YEAR_SECONDS = 365 * 24 * 3600


def show(template: str, gather: Callable[[Connection], dict[str, Any]] | None = None, **values: Any) -> str:
    """Return a page; what it shows of the database is read in one transaction."""

    def work(connection: Connection) -> dict[str, Any]:
        return {"store": storefront.get(connection), **(gather(connection) if gather is not None else {})}

    return render_template(
        template,
        **read(work),
        **values,
        visitor=visitor(),
        cart_count=sum(cart.content().values()),
        csrf_field=csrf.FIELD,
        csrf_token=csrf.token(),
        node=context().settings.node,
    )


def to_login() -> Response:
    """Return the way to the log-in page, and from there back here."""
    back = request.full_path if request.method == "GET" else url_for("pages.show_cart")
    return make_response(redirect(url_for("pages.log_in_form", next=back.rstrip("?"))))


def _next_page() -> str:
    """Return the path to go to after log-in: one of ours, never another site's."""
    wanted = request.values.get("next", "")
    own = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if own else url_for("pages.show_account")


@blueprint.get("/")
def front() -> str:
    """Show the store front."""
    return show("front.html", lambda connection: {"products": storefront.catalogue(connection)})


@blueprint.get("/products")
def catalogue() -> str:
    """Show all products by category."""

    def gather(connection: Connection) -> dict[str, Any]:
        categories: dict[str, list[Any]] = {}
        for row in storefront.catalogue(connection):
            categories.setdefault(row.category, []).append(row)
        return {"categories": categories}

    return show("products.html", gather)


@blueprint.get("/products/<code>")
def product(code: str) -> str:
    """Show one product."""

    def gather(connection: Connection) -> dict[str, Any]:
        found = storefront.product(connection, code)
        if found is None:
            raise NotFoundError("We do not sell that.")
        return {"product": found}

    return show("product.html", gather)


@blueprint.get("/logo/<digest>")
def logo(digest: str) -> Response:
    """Send the store's logo; its address changes with it, so browsers may keep it."""
    found = read(lambda connection: storefront.logo(connection, digest))
    if found is None:
        raise NotFoundError("The logo is another one by now.")
    data, media_type = found
    response = Response(data, mimetype=media_type)
    response.cache_control.public = True
    response.cache_control.max_age = _ONE_YEAR_SECONDS
    response.cache_control.immutable = True
    return response


@blueprint.get("/cart")
def show_cart() -> str:
    """Show the cart; a form sent twice by a double click orders once, because the page carries the order's key."""
    wanted = cart.content()

    def gather(connection: Connection) -> dict[str, Any]:
        found = {row.code: row for row in storefront.catalogue(connection)}
        lines = [(found[code], quantity) for code, quantity in wanted.items() if code in found]
        net = sum(row.price_cents * quantity for row, quantity in lines)
        return {"lines": lines, "net_cents": net, "tax_cents": invoices.tax_on(net)}

    return show("cart.html", gather, request_id=uuid.uuid4().hex, tax_percent=invoices.TAX_PERCENT)


@blueprint.post("/cart")
def change_cart() -> AnyResponse:
    """Add a product to the cart, or set its quantity."""
    quantity = request.form.get("quantity", 1, type=int)
    code = request.form.get("product", "")
    if request.form.get("add"):
        quantity += cart.content().get(code, 0)
    response = make_response(redirect(url_for("pages.show_cart"), 303))
    cart.keep(response, cart.with_quantity(code, quantity))
    return response


@blueprint.post("/checkout")
def check_out() -> AnyResponse:
    """Order what is in the cart."""
    buyer, lines, at = account(), orders.check_lines(list(cart.content().items())), now()
    request_id = request.form.get("request_id", "")
    if not 1 <= len(request_id) <= orders.REQUEST_ID_LIMIT:
        raise InvalidError("This form is incomplete: go back to the cart and send it once more.")
    node = context().settings.node

    def work(connection: Connection) -> orders.Order:
        return orders.place(connection, buyer.id, lines, request_id=request_id, node=node, now=at)[0]

    placed = write(work, idempotent=True)
    response = make_response(redirect(url_for("pages.show_order", order_id=placed.id, thanks=1), 303))
    cart.keep(response, {})
    return response


@blueprint.get("/orders/<int:order_id>")
def show_order(order_id: int) -> str:
    """Show one order."""
    buyer = account()
    gather = lambda connection: {"order": orders.get(connection, buyer.id, order_id)}  # noqa: E731
    return show("order.html", gather, thanks="thanks" in request.args)


@blueprint.get("/invoices/<int:invoice_id>")
def show_invoice(invoice_id: int) -> str:
    """Show one invoice, as it would be printed."""
    buyer = account()

    def gather(connection: Connection) -> dict[str, Any]:
        invoice = invoices.get(connection, buyer.id, invoice_id)
        return {"invoice": invoice, "order": orders.get(connection, buyer.id, invoice.order_id)}

    return show("invoice.html", gather, tax_percent=invoices.TAX_PERCENT)


@blueprint.post("/invoices/<int:invoice_id>/pay")
def pay_invoice(invoice_id: int) -> AnyResponse:
    """Book the payment of an invoice."""
    buyer, at = account(), now()
    write(lambda connection: invoices.pay(connection, buyer.id, invoice_id, at), idempotent=True)
    return redirect(url_for("pages.show_invoice", invoice_id=invoice_id), 303)


@blueprint.get("/account")
def show_account() -> str:
    """Show somebody's own orders and invoices."""
    buyer = account()

    def gather(connection: Connection) -> dict[str, Any]:
        return {
            "orders": orders.newest(connection, buyer.id, _LIST_LIMIT),
            "invoices": invoices.newest(connection, buyer.id, _LIST_LIMIT),
            "open_cents": invoices.open_cents(connection, buyer.id),
        }

    return show("account.html", gather)


@blueprint.get("/login")
def log_in_form() -> str:
    """Show the log-in form."""
    return show("login.html", next=_next_page())


@blueprint.get("/signup")
def sign_up_form() -> str:
    """Show the sign-up form."""
    return show("signup.html", next=_next_page())


@blueprint.post("/login")
def log_in() -> AnyResponse | tuple[str, int]:
    """Log in."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        found = read(lambda connection: accounts.check_credentials(connection, email, password))
    except DemoappError as error:
        if error.status >= 500:  # noqa: PLR2004
            raise
        return show("login.html", next=_next_page(), message=str(error), email=email), error.status
    at = now()
    return _entered(lambda connection, token: accounts.start_session(connection, found, token, at))


@blueprint.post("/signup")
def sign_up() -> AnyResponse | tuple[str, int]:
    """Create an account, and log in."""
    form, at = {name: request.form.get(name, "") for name in ("email", "name", "password")}, now()

    def work(connection: Connection, token: str) -> None:
        created: Account = accounts.sign_up(connection, new, at)
        accounts.start_session(connection, created, token, at)

    try:
        new = accounts.check_new_account(**form)
        return _entered(work)
    except DemoappError as error:
        if error.status >= 500:  # noqa: PLR2004
            raise
        page = show(
            "signup.html", next=_next_page(), message=str(error), email=form["email"], name=form["name"]
        )
        return page, error.status


def _entered(work: Callable[[Connection, str], None]) -> AnyResponse:
    token = accounts.new_token()
    write(lambda connection: work(connection, token))
    response = make_response(redirect(_next_page(), 303))
    keep_session(response, token)
    return response


@blueprint.post("/logout")
def log_out() -> AnyResponse:
    """Log out."""
    token = request.cookies.get(SESSION_COOKIE, "")
    write(lambda connection: accounts.end_session(connection, token), idempotent=True)
    response = make_response(redirect(url_for("pages.front"), 303))
    response.delete_cookie(SESSION_COOKIE)
    return response
