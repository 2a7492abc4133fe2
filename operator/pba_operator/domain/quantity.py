"""Kubernetes quantities, compared by value: the API server rewrites `0.5` to `500m` and keeps `1024Mi`.

Source: apimachinery's `resource.Quantity` (decimal and binary suffixes, exponents).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

_PATTERN: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse(value: Any) -> Decimal | None:
    """Return the number that a quantity stands for; None if `value` is no quantity."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = _PATTERN.fullmatch(str(value))
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    if exponent:
        return Decimal(number + exponent)
    if suffix in _BINARY:
        return Decimal(number) * Decimal(2) ** _BINARY[suffix]
    return Decimal(number).scaleb(_DECIMAL.get(suffix, 0))


def equal(left: Any, right: Any) -> bool:
    """Tell whether both are quantities, and of the same value."""
    first = parse(left)
    return first is not None and first == parse(right)
