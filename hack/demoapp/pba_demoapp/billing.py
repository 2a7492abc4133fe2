"""The billing run: once each period, every active order gets an invoice for what it costs by the month.

Like the old application's it does not guard itself: run twice, it bills twice, and the ledger's check tells.
Something outside has to see to it that it runs once; until then it is off (`BILLING_ENABLED`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from pba_demoapp import invoices, ledger, orders
from pba_demoapp.errors import InvalidError
from pba_demoapp.schema import billing_runs, order_lines, products
from pba_demoapp.schema import orders as orders_table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
MONTH = "month"


def run(connection: Connection, period: str, node: str, now: datetime) -> int:
    """Write the invoices of one period in one transaction, which the caller commits; return how many.

    Orders of the period itself were billed when they were placed.

    Raises:
        InvalidError: the period is none, such as `2026-13`.
    """
    if not _PERIOD.fullmatch(period):
        raise InvalidError(f"A period is a year and a month, such as 2026-11, not {period!r}.")
    monthly = func.sum(order_lines.c.quantity * order_lines.c.unit_cents)
    due = (
        select(orders_table.c.id, orders_table.c.account_id, monthly)
        .join(order_lines, order_lines.c.order_id == orders_table.c.id)
        .join(products, products.c.id == order_lines.c.product_id)
        .where(
            orders_table.c.status == orders.ACTIVE,
            products.c.period == MONTH,
            func.date_format(orders_table.c.created_at, "%Y-%m") < period,
        )
        .group_by(orders_table.c.id, orders_table.c.account_id)
    )
    billed = connection.execute(due).all()
    for order_id, account_id, cents in billed:
        invoice = invoices.NewInvoice(order_id, account_id, ledger.RENEWAL, period, int(cents))
        invoices.issue(connection, invoice, now)
    connection.execute(
        insert(billing_runs).values(period=period, node=node, invoices=len(billed), ran_at=now)
    )
    return len(billed)
