"""Invoices: issued together with their entries in the ledger, and paid once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, func, insert, select, update

from pba_demoapp import ledger
from pba_demoapp.database import error_code
from pba_demoapp.errors import NotFoundError
from pba_demoapp.schema import invoices, ledger_entries, ledger_transactions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection, Row

OPEN, PAID = "open", "paid"
TAX_PERCENT = 20

_DUPLICATE = 1062


@dataclass(frozen=True)
class Invoice:
    """An invoice; amounts in cents."""

    id: int
    order_id: int
    kind: str
    period: str
    net_cents: int
    tax_cents: int
    total_cents: int
    status: str
    issued_at: datetime
    entries: tuple[tuple[str, int], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the invoice as the API shows it."""
        return {
            "id": self.id,
            "order_id": self.order_id,
            "kind": self.kind,
            "period": self.period,
            "net_cents": self.net_cents,
            "tax_cents": self.tax_cents,
            "total_cents": self.total_cents,
            "status": self.status,
            "issued_at": self.issued_at.isoformat() + "Z",
            "entries": [{"ledger": name, "amount_cents": cents} for name, cents in self.entries],
        }


def tax_on(net_cents: int) -> int:
    """Return the tax on an amount, rounded half up."""
    return (net_cents * TAX_PERCENT + 50) // 100


@dataclass(frozen=True)
class NewInvoice:
    """What an invoice is written from."""

    order_id: int
    account_id: int
    kind: str
    period: str
    net_cents: int


def issue(connection: Connection, new: NewInvoice, now: datetime) -> int:
    """Write an invoice and its entries; return its number."""
    net_cents, tax = new.net_cents, tax_on(new.net_cents)
    values = {"order_id": new.order_id, "account_id": new.account_id, "kind": new.kind, "period": new.period}
    amounts = {"net_cents": net_cents, "tax_cents": tax, "total_cents": net_cents + tax}
    done = connection.execute(insert(invoices).values(**values, **amounts, status=OPEN, issued_at=now))
    invoice_id = done.lastrowid
    entries = {ledger.RECEIVABLE: net_cents + tax, ledger.REVENUE: -net_cents, ledger.TAX: -tax}
    ledger.book(connection, ledger.INVOICE, invoice_id, entries, now)
    return invoice_id


def get(connection: Connection, account_id: int, invoice_id: int) -> Invoice:
    """Return the account's invoice with its entries in the ledger.

    Raises:
        NotFoundError: the account has no such invoice.
    """
    row = connection.execute(_of_account(account_id).where(invoices.c.id == invoice_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"You have no invoice {invoice_id}.")
    query = (
        select(ledger_entries.c.ledger, ledger_entries.c.amount_cents)
        .join(ledger_transactions, ledger_entries.c.transaction_id == ledger_transactions.c.id)
        .where(ledger_transactions.c.invoice_id == invoice_id)
        .order_by(ledger_transactions.c.id, ledger_entries.c.amount_cents.desc())
    )
    return _invoice(row, tuple((name, int(cents)) for name, cents in connection.execute(query)))


def newest(connection: Connection, account_id: int, limit: int) -> list[Invoice]:
    """Return the account's newest invoices, without their entries."""
    query = _of_account(account_id).order_by(invoices.c.id.desc()).limit(limit)
    return [_invoice(row) for row in connection.execute(query)]


def open_cents(connection: Connection, account_id: int) -> int:
    """Return what the account owes."""
    due = (invoices.c.account_id == account_id) & (invoices.c.status == OPEN)
    return int(connection.scalar(select(func.coalesce(func.sum(invoices.c.total_cents), 0)).where(due)) or 0)


def pay(connection: Connection, account_id: int, invoice_id: int, now: datetime) -> Invoice:
    """Book the payment of the account's invoice, unless that has been done.

    Raises:
        NotFoundError: the account has no such invoice.
    """
    invoice = get(connection, account_id, invoice_id)
    if invoice.status == OPEN:
        amounts = {ledger.CASH: invoice.total_cents, ledger.RECEIVABLE: -invoice.total_cents}
        try:
            ledger.book(connection, ledger.PAYMENT, invoice_id, amounts, now)
        except exc.IntegrityError as error:
            if error_code(error) != _DUPLICATE:  # somebody has paid it at the same moment
                raise
        else:
            connection.execute(update(invoices).where(invoices.c.id == invoice_id).values(status=PAID))
    return get(connection, account_id, invoice_id)


def _of_account(account_id: int) -> Any:
    return select(invoices).where(invoices.c.account_id == account_id)


def _invoice(row: Row[Any], entries: tuple[tuple[str, int], ...] = ()) -> Invoice:
    return Invoice(
        id=row.id,
        order_id=row.order_id,
        kind=row.kind,
        period=row.period,
        net_cents=row.net_cents,
        tax_cents=row.tax_cents,
        total_cents=row.total_cents,
        status=row.status,
        issued_at=row.issued_at,
        entries=entries,
    )
