"""The cart: kept by the browser in a cookie, so it works before log-in and on every node.

Its content is a wish, not a fact: products and prices are looked up when it is shown and when it is ordered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import request

from pba_demoapp.orders import LINES_LIMIT, QUANTITY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

_COOKIE = "store_cart"
_ITEM = re.compile(r"([a-z0-9-]{1,40})\*(\d{1,2})")
_LENGTH_SECONDS = 14 * 24 * 3600


def content() -> dict[str, int]:
    """Return product -> quantity; what makes no sense in the cookie is left out."""
    items = [_ITEM.fullmatch(item) for item in request.cookies.get(_COOKIE, "").split("_")]
    found = {item[1]: int(item[2]) for item in items if item is not None and int(item[2]) > 0}
    return dict(list(found.items())[:LINES_LIMIT])


def with_quantity(product: str, quantity: int) -> dict[str, int]:
    """Return the cart with `quantity` of `product`; none takes it out."""
    changed = {**content(), product: max(0, min(quantity, QUANTITY_LIMIT))}
    return {code: count for code, count in changed.items() if count > 0}


def keep(response: Response, cart: Mapping[str, int]) -> None:
    """Let the browser keep the cart."""
    text = "_".join(f"{code}*{count}" for code, count in cart.items())
    response.set_cookie(_COOKIE, text, max_age=_LENGTH_SECONDS, httponly=True, samesite="Lax")
