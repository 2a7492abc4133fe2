"""The tables, and how a database gets them.

What must stay true: every table is InnoDB with a primary key (a replicated group takes no other), several nodes may
start at once, and a database that has the schema already is only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BINARY,
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMBLOB, insert

from pba_demoapp.catalogue import PRODUCTS
from pba_demoapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection
    from sqlalchemy.schema import SchemaItem

LOCK = "pba_demoapp_schema"
LOCK_SECONDS = 30

metadata = MetaData()
_TIME = DATETIME(fsp=6)


def _table(name: str, *parts: SchemaItem) -> Table:
    return Table(name, metadata, *parts, mysql_engine="InnoDB", mysql_charset="utf8mb4")


schema_versions = _table("schema_versions", Column("version", Integer, primary_key=True, autoincrement=False))

accounts = _table(
    "accounts",
    Column("id", BigInteger, primary_key=True),
    Column("email", String(190), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("created_at", _TIME, nullable=False),
)

sessions = _table(
    "sessions",
    Column("token_hash", BINARY(32), primary_key=True),
    Column("account_id", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("expires_at", _TIME, nullable=False, index=True),
)

products = _table(
    "products",
    Column("id", Integer, primary_key=True),
    Column("code", String(40), nullable=False, unique=True),
    Column("category", String(40), nullable=False),
    Column("name", String(100), nullable=False),
    Column("summary", String(200), nullable=False),
    Column("description", String(1000), nullable=False),
    Column("price_cents", Integer, nullable=False),
    Column("period", String(10), nullable=False),
)

orders = _table(
    "orders",
    Column("id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("request_id", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("node", String(100), nullable=False),
    Column("replays", Integer, nullable=False, server_default="0"),
    Column("created_at", _TIME, nullable=False),
    UniqueConstraint("request_id", "account_id", name="one_order_for_each_request"),
)

order_lines = _table(
    "order_lines",
    Column("order_id", BigInteger, ForeignKey("orders.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_cents", Integer, nullable=False),
)

invoices = _table(
    "invoices",
    Column("id", BigInteger, primary_key=True),
    Column("order_id", BigInteger, ForeignKey("orders.id"), nullable=False, index=True),
    Column("account_id", BigInteger, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("period", String(7), nullable=False),
    Column("net_cents", BigInteger, nullable=False),
    Column("tax_cents", BigInteger, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("status", String(10), nullable=False),
    Column("issued_at", _TIME, nullable=False),
)

ledger_transactions = _table(
    "ledger_transactions",
    Column("id", BigInteger, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("invoice_id", BigInteger, ForeignKey("invoices.id"), nullable=False),
    Column("booked_at", _TIME, nullable=False),
    UniqueConstraint("invoice_id", "kind", name="booked_once"),
)

ledger_entries = _table(
    "ledger_entries",
    Column("transaction_id", BigInteger, ForeignKey("ledger_transactions.id"), primary_key=True),
    Column("ledger", String(20), primary_key=True),
    Column("amount_cents", BigInteger, nullable=False),
)

store = _table(
    "store",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(60), nullable=False),
    Column("tagline", String(140), nullable=False),
    Column("color", String(7), nullable=False),
    Column("logo_type", String(20)),
    Column("logo_digest", String(64)),
    Column("logo", MEDIUMBLOB),
)

billing_runs = _table(
    "billing_runs",
    Column("id", BigInteger, primary_key=True),
    Column("period", String(7), nullable=False, index=True),
    Column("node", String(100), nullable=False),
    Column("invoices", Integer, nullable=False),
    Column("ran_at", _TIME, nullable=False),
)

STORE_ID = 1


def ensure_schema(connection: Connection) -> None:
    """Bring the database to the newest version of the schema, one node at a time.

    Raises:
        DatabaseUnavailableError: another node has been at it for longer than `LOCK_SECONDS`.
    """
    if _version(connection) >= len(_STEPS):
        return
    # Whoever waits for the lock must hold none on a table: its holder may be about to create that very table.
    connection.rollback()
    lock = {"name": LOCK, "seconds": LOCK_SECONDS}
    if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), lock) != 1:
        raise DatabaseUnavailableError("another node is preparing the schema")
    try:
        for version, step in enumerate(_STEPS[_version(connection) :], start=_version(connection) + 1):
            step(connection)
            connection.execute(insert(schema_versions).values(version=version))
            connection.commit()
    except BaseException:
        connection.invalidate()  # the server releases the lock of a connection that ends
        raise
    connection.execute(text("SELECT RELEASE_LOCK(:name)"), lock)


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(schema_versions.name):
        return 0
    connection.rollback()  # a fresh snapshot: another node may just have finished
    return max(connection.scalars(select(schema_versions.c.version)), default=0)


def _first_tables(connection: Connection) -> None:
    """Create all tables and what a new store sells; begun and interrupted, it is simply done again."""
    metadata.create_all(connection)
    connection.execute(insert(products).prefix_with("IGNORE"), [product._asdict() for product in PRODUCTS])
    first = {
        "id": STORE_ID,
        "name": "Northgate Hosting",
        "tagline": "Web space that grows with you",
        "color": "#1f5f8b",
    }
    connection.execute(insert(store).prefix_with("IGNORE"), first)


_STEPS: tuple[Callable[[Connection], None], ...] = (_first_tables,)
"""The schema's versions, oldest first: only ever appended to, and each can be done again if it was interrupted."""
