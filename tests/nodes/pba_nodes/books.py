"""The application's books before and after a fault: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Self

from pba_hack.kubectl import wait_for
from pba_hack.traffic import Client, RequestFailedError, Tally
from pba_hack.traffic.shopper import Book, Shopper, ledger


@dataclass(frozen=True)
class Audit:
    """The books as they were when nobody shopped, to be compared with what they are afterwards."""

    before: Book

    @classmethod
    def open(cls, host: str, port: int) -> Self:
        """Read the books."""
        with closing(Client(host, port, Tally())) as client:
            return cls(ledger(client))

    def close(self, host: str, port: int, shopper: Shopper) -> None:
        """Compare the books with what one shopper knows, who was the only one since `open`.

        Raises:
            AssertionError: an acknowledged order is lost, one is there twice, or the books do not balance.
        """

        def settled() -> Book | None:
            """Return the books: a request whose client left may still be at work for a moment."""
            with closing(Client(host, port, Tally())) as client:
                try:
                    first, second = ledger(client), ledger(client)
                except RequestFailedError:
                    return None
                return second if first == second else None

        after = wait_for("the books to be at rest", settled, 60)
        with closing(Client(host, port, Tally())) as client:
            lost = shopper.lost(client)
        assert not lost, f"{len(lost)} of {len(shopper.acknowledged)} acknowledged orders are gone"
        assert after.balanced
        assert after.imbalance_cents == 0
        made = after.orders - self.before.orders
        assert len(shopper.acknowledged) <= made <= len(shopper.asked), "an order is there twice, or unasked"
        assert after.replayed_orders == self.before.replayed_orders, "somebody on the way sent an order again"
