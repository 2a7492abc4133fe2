"""Orders: each writes its lines, its invoice and its ledger in one transaction, once for each request identifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.mysql import insert as upsert

from pba_demoapp import invoices, ledger
from pba_demoapp.errors import InvalidError, NotFoundError
from pba_demoapp.schema import invoices as invoices_table
from pba_demoapp.schema import order_lines, orders, products

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

ACTIVE = "active"
LINES_LIMIT = 20
QUANTITY_LIMIT = 99
REQUEST_ID_LIMIT = 64

_INSERTED = 1
"""Rows that MySQL counts for a new row; for one that was there already it counts two."""


@dataclass(frozen=True)
class Line:
    """So many of one product, at the price of that day."""

    product: str
    name: str
    quantity: int
    unit_cents: int


@dataclass(frozen=True)
class Order:
    """An order; amounts in cents, without tax."""

    id: int
    request_id: str
    status: str
    total_cents: int
    invoice_id: int
    node: str
    created_at: datetime
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the order as the API shows it."""
        return {
            "id": self.id,
            "request_id": self.request_id,
            "status": self.status,
            "total_cents": self.total_cents,
            "invoice_id": self.invoice_id,
            "node": self.node,
            "created_at": self.created_at.isoformat() + "Z",
            "lines": [vars(line) for line in self.lines],
        }


def check_lines(wanted: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Return product -> quantity.

    Raises:
        InvalidError: nothing, too much, or the same thing twice.
    """
    if not 1 <= len(wanted) <= LINES_LIMIT:
        raise InvalidError(f"An order has 1 to {LINES_LIMIT} lines.")
    lines = dict(wanted)
    if len(lines) != len(wanted):
        raise InvalidError("Each product stands in one line of an order: raise its quantity instead.")
    if not all(1 <= quantity <= QUANTITY_LIMIT for quantity in lines.values()):
        raise InvalidError(f"A quantity is 1 to {QUANTITY_LIMIT}.")
    return lines


def place(
    connection: Connection,
    account_id: int,
    lines: Mapping[str, int],
    *,
    request_id: str,
    node: str,
    now: datetime,
) -> tuple[Order, bool]:
    """Write an order, its invoice and its ledger, unless `request_id` has done so before.

    Args:
        connection: in a transaction, which the caller commits.
        account_id: whose order it is.
        lines: product -> quantity, checked.
        request_id: unique for each order of the account.
        node: which node writes it.
        now: the present time, UTC.

    Returns:
        The order, and whether it was there already.

    Raises:
        InvalidError: there is no such product.
    """
    found = _products(connection, lines)
    total = sum(found[code].price_cents * quantity for code, quantity in lines.items())
    values = {
        "account_id": account_id,
        "request_id": request_id,
        "status": ACTIVE,
        "total_cents": total,
        "node": node,
    }
    # Not an insert that may fail, then an update: two of those at once lock the same row shared, and deadlock.
    once = (
        upsert(orders).values(**values, created_at=now).on_duplicate_key_update(replays=orders.c.replays + 1)
    )
    done = connection.execute(once)
    if done.rowcount != _INSERTED:
        same = (orders.c.account_id == account_id) & (orders.c.request_id == request_id)
        return _read(connection, same, 1)[0], True
    order_id = done.lastrowid
    _write_lines(connection, order_id, lines, found)
    invoice = invoices.NewInvoice(order_id, account_id, ledger.ORDER, f"{now:%Y-%m}", total)
    invoice_id = invoices.issue(connection, invoice, now)
    bought = tuple(
        Line(code, found[code].name, quantity, found[code].price_cents) for code, quantity in lines.items()
    )
    return Order(order_id, request_id, ACTIVE, total, invoice_id, node, now, bought), False


def get(connection: Connection, account_id: int, order_id: int) -> Order:
    """Return the account's order.

    Raises:
        NotFoundError: the account has no such order.
    """
    found = _read(connection, (orders.c.account_id == account_id) & (orders.c.id == order_id), 1)
    if not found:
        raise NotFoundError(f"You have no order {order_id}.")
    return found[0]


def newest(connection: Connection, account_id: int, limit: int) -> list[Order]:
    """Return the account's newest orders."""
    return _read(connection, orders.c.account_id == account_id, limit)


def _products(connection: Connection, lines: Mapping[str, int]) -> dict[str, Any]:
    rows = connection.execute(select(products).where(products.c.code.in_(list(lines))))
    found = {row.code: row for row in rows}
    unknown = sorted(lines.keys() - found.keys())
    if unknown:
        raise InvalidError(f"We do not sell {', '.join(unknown)}.")
    return found


def _write_lines(
    connection: Connection, order_id: int, lines: Mapping[str, int], found: Mapping[str, Any]
) -> None:
    rows = [
        {
            "order_id": order_id,
            "position": position,
            "product_id": found[code].id,
            "quantity": quantity,
            "unit_cents": found[code].price_cents,
        }
        for position, (code, quantity) in enumerate(lines.items(), start=1)
    ]
    connection.execute(insert(order_lines), rows)


def _read(connection: Connection, condition: Any, limit: int) -> list[Order]:
    first_invoice = (invoices_table.c.order_id == orders.c.id) & (invoices_table.c.kind == ledger.ORDER)
    query = (
        select(orders, invoices_table.c.id.label("invoice_id"))
        .join(invoices_table, first_invoice)
        .where(condition)
        .order_by(orders.c.id.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    lines = _lines(connection, [row.id for row in rows])
    return [
        Order(
            id=row.id,
            request_id=row.request_id,
            status=row.status,
            total_cents=row.total_cents,
            invoice_id=row.invoice_id,
            node=row.node,
            created_at=row.created_at,
            lines=tuple(lines[row.id]),
        )
        for row in rows
    ]


def _lines(connection: Connection, order_ids: Sequence[int]) -> dict[int, list[Line]]:
    query = (
        select(order_lines, products.c.code, products.c.name)
        .join(products, products.c.id == order_lines.c.product_id)
        .where(order_lines.c.order_id.in_(order_ids))
        .order_by(order_lines.c.order_id, order_lines.c.position)
    )
    lines: dict[int, list[Line]] = {order_id: [] for order_id in order_ids}
    for row in connection.execute(query):
        lines[row.order_id].append(Line(row.code, row.name, row.quantity, row.unit_cents))
    return lines
