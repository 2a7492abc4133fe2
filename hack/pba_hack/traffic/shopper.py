"""A visit to the demo application: sign up, log in, look around, order, read the invoice, pay it.

What must stay true: an order counts as acknowledged only when its answer has arrived; whether it is really there is
asked of the application's books afterwards (`hack/demoapp/README.md` describes the API).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Self

from pba_hack.traffic.client import Answer, Client, RequestFailedError

PASSWORD = "correct horse battery"  # noqa: S105 - of made-up accounts on a throw-away cluster


@dataclass(frozen=True)
class Account:
    """An account in the demo application."""

    email: str

    @classmethod
    def sign_up(cls, client: Client) -> Self:
        """Make a new account.

        Raises:
            RequestFailedError: the application did not acknowledge it.
        """
        account = cls(f"{uuid.uuid4().hex}@example.com")
        body = {"email": account.email, "name": "A Customer", "password": PASSWORD}
        client.request("POST", "/api/signup", body)
        return account

    def log_in(self, client: Client) -> Answer:
        """Log in; the session lives in the client's cookies.

        Raises:
            RequestFailedError: the application refused.
        """
        return client.request("POST", "/api/login", {"email": self.email, "password": PASSWORD})

    def can_log_in(self, client: Client) -> bool:
        """Tell whether the application knows this account."""
        try:
            self.log_in(client)
        except RequestFailedError as error:
            if "wrong_credentials" in str(error):
                return False
            raise
        return True


@dataclass(frozen=True)
class Book:
    """What the application's ledger says of itself."""

    balanced: bool
    imbalance_cents: int
    orders: int
    replayed_orders: int


def ledger(client: Client) -> Book:
    """Return the check of the ledger, made in one snapshot.

    Raises:
        RequestFailedError: no answer.
    """
    body = client.request("GET", "/ledger/check", wanted="balanced").body
    return Book(body["balanced"], body["imbalance_cents"], body["orders"], body["replayed_orders"])


@dataclass
class Shopper:
    """A customer whose every visit is that of a new account."""

    acknowledged: list[str] = field(default_factory=list)
    """Request identifiers of the orders that the application confirmed; appended by many threads."""
    asked: list[str] = field(default_factory=list)
    """Those of all orders that were sent, confirmed or not."""

    def visit(self, client: Client) -> None:
        """Make one visit of seven requests.

        Raises:
            RequestFailedError: one of them failed; the rest of the visit is left out.
        """
        client.request("GET", "/")
        account = Account.sign_up(client)
        account.log_in(client)
        products = client.request("GET", "/api/products", wanted="products").body["products"]
        request_id = uuid.uuid4().hex
        lines = [{"product": product["code"], "quantity": 1} for product in products[:2]]
        self.asked.append(request_id)
        answer = client.request(
            "POST", "/api/orders", {"lines": lines}, request_id=request_id, wanted="order"
        )
        self.acknowledged.append(request_id)
        page = f"/api/invoices/{answer.body['order']['invoice_id']}"
        invoice = client.request("GET", page, wanted="invoice").body["invoice"]
        client.request("POST", f"/api/invoices/{invoice['id']}/pay", {})

    def lost(self, client: Client) -> list[str]:
        """Return the acknowledged orders that the application does not know.

        Raises:
            RequestFailedError: no answer.
        """
        known = list(self.acknowledged)
        asked = {"request_ids": known}
        missing: list[str] = client.request("POST", "/api/ledger/missing", asked, wanted="missing").body[
            "missing"
        ]
        return missing
