"""The double-entry ledger: each transaction's entries sum to zero, so a lost or doubled write cannot hide.

Debits are positive, credits negative. An invoice books `receivable` against `revenue` and `tax`; a payment books
`cash` against `receivable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, insert, select

from pba_demoapp.schema import accounts, billing_runs, invoices, ledger_entries, ledger_transactions, orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

RECEIVABLE, REVENUE, TAX, CASH = "receivable", "revenue", "tax", "cash"
INVOICE, PAYMENT = "invoice", "payment"
ORDER, RENEWAL = "order", "renewal"
"""Kinds of invoices: what an order costs at once, and what the billing run adds each period."""


def book(
    connection: Connection, kind: str, invoice_id: int, amounts: Mapping[str, int], now: datetime
) -> None:
    """Write one transaction with its entries.

    Raises:
        ValueError: the amounts do not sum to zero.
        IntegrityError: this invoice has a transaction of this kind already.
    """
    if sum(amounts.values()) != 0:
        raise ValueError(f"the entries of a transaction must sum to zero, and these do not: {dict(amounts)}")
    values = {"kind": kind, "invoice_id": invoice_id, "booked_at": now}
    done = connection.execute(insert(ledger_transactions).values(**values))
    transaction_id = done.lastrowid
    entries = [
        {"transaction_id": transaction_id, "ledger": name, "amount_cents": cents}
        for name, cents in amounts.items()
    ]
    connection.execute(insert(ledger_entries), entries)


def snapshot(connection: Connection) -> Connection:
    """Return the connection, for reads that all see the same moment."""
    return connection.execution_options(isolation_level="REPEATABLE READ")


def check(connection: Connection, orders_with: str = "") -> dict[str, Any]:
    """Return the books' sums and counts, and whether they agree (README.md explains each)."""
    found = {**_entries(connection), **_orders(connection), **_invoices(connection), **_billing(connection)}
    found["accounts"] = connection.scalar(select(func.count()).select_from(accounts))
    found["balanced"] = (
        found["imbalance_cents"] == 0
        and found["unbalanced_transactions"] == 0
        and found["orders_without_invoice"] == 0
        and found["orders"] == found["order_invoices"]
        and found["ordered_cents"] == found["order_invoices_net_cents"]
        and found["invoices_without_entries"] == 0
        and found["invoiced_cents"] == found["booked_cents"]
    )
    if orders_with:
        prefix = orders.c.request_id.startswith(orders_with, autoescape=True)
        found["orders_with_prefix"] = connection.scalar(
            select(func.count()).select_from(orders).where(prefix)
        )
    return found


def missing_orders(connection: Connection, request_ids: Iterable[str]) -> list[str]:
    """Return those of `request_ids` for which there is no order."""
    wanted = list(dict.fromkeys(request_ids))
    present = set(connection.scalars(select(orders.c.request_id).where(orders.c.request_id.in_(wanted))))
    return [request_id for request_id in wanted if request_id not in present]


def balances(connection: Connection) -> list[tuple[str, int, int]]:
    """Return (ledger, debits, credits) of each ledger, in cents."""
    amount = ledger_entries.c.amount_cents
    query = (
        select(ledger_entries.c.ledger, _sum(case((amount > 0, amount))), _sum(case((amount < 0, -amount))))
        .group_by(ledger_entries.c.ledger)
        .order_by(ledger_entries.c.ledger)
    )
    return [(ledger, int(debits), int(credits_)) for ledger, debits, credits_ in connection.execute(query)]


def newest(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Return the newest transactions with their entries."""
    query = select(ledger_transactions).order_by(ledger_transactions.c.id.desc()).limit(limit)
    found = {
        row.id: {
            "id": row.id,
            "kind": row.kind,
            "invoice_id": row.invoice_id,
            "booked_at": row.booked_at,
            "entries": [],
        }
        for row in connection.execute(query)
    }
    of_these = ledger_entries.c.transaction_id.in_(list(found))
    for entry in connection.execute(
        select(ledger_entries).where(of_these).order_by(ledger_entries.c.amount_cents.desc())
    ):
        found[entry.transaction_id]["entries"].append((entry.ledger, entry.amount_cents))
    return list(found.values())


def _sum(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0)


def _entries(connection: Connection) -> dict[str, Any]:
    amount = ledger_entries.c.amount_cents
    sums = select(_sum(case((amount > 0, amount))), _sum(case((amount < 0, -amount))))
    debits, credits_ = connection.execute(sums).one()
    unbalanced = (
        select(ledger_entries.c.transaction_id)
        .group_by(ledger_entries.c.transaction_id)
        .having(func.sum(amount) != 0)
        .subquery()
    )
    return {
        "debits_cents": int(debits),
        "credits_cents": int(credits_),
        "imbalance_cents": int(debits) - int(credits_),
        "unbalanced_transactions": connection.scalar(select(func.count()).select_from(unbalanced)),
    }


def _orders(connection: Connection) -> dict[str, Any]:
    count, cents, replayed = connection.execute(
        select(func.count(), _sum(orders.c.total_cents), _sum(case((orders.c.replays > 0, 1)))).select_from(
            orders
        )
    ).one()
    first = (invoices.c.order_id == orders.c.id) & (invoices.c.kind == ORDER)
    without = (
        select(func.count()).select_from(orders.outerjoin(invoices, first)).where(invoices.c.id.is_(None))
    )
    return {
        "orders": count,
        "ordered_cents": int(cents),
        "replayed_orders": int(replayed),
        "orders_without_invoice": connection.scalar(without),
    }


def _invoices(connection: Connection) -> dict[str, Any]:
    of_order = invoices.c.kind == ORDER
    count, total, ordered, net = connection.execute(
        select(
            func.count(),
            _sum(invoices.c.total_cents),
            _sum(case((of_order, 1))),
            _sum(case((of_order, invoices.c.net_cents))),
        ).select_from(invoices)
    ).one()
    issued = (ledger_transactions.c.invoice_id == invoices.c.id) & (ledger_transactions.c.kind == INVOICE)
    booked = ledger_transactions.join(
        ledger_entries, ledger_entries.c.transaction_id == ledger_transactions.c.id
    )
    without = invoices.outerjoin(ledger_transactions, issued)
    receivables = (ledger_entries.c.ledger == RECEIVABLE) & (ledger_transactions.c.kind == INVOICE)
    payments = ledger_transactions.c.kind == PAYMENT
    return {
        "invoices": count,
        "invoiced_cents": int(total),
        "order_invoices": int(ordered),
        "order_invoices_net_cents": int(net),
        "booked_cents": int(
            connection.scalar(
                select(_sum(ledger_entries.c.amount_cents)).select_from(booked).where(receivables)
            )
            or 0
        ),
        "invoices_without_entries": connection.scalar(
            select(func.count()).select_from(without).where(ledger_transactions.c.id.is_(None))
        ),
        "payments": connection.scalar(select(func.count()).select_from(ledger_transactions).where(payments)),
    }


def _billing(connection: Connection) -> dict[str, Any]:
    twice = select(billing_runs.c.period).group_by(billing_runs.c.period).having(func.count() > 1)
    return {
        "billing_runs": connection.scalar(select(func.count()).select_from(billing_runs)),
        "periods_billed_twice": list(connection.scalars(twice.order_by(billing_runs.c.period))),
    }
