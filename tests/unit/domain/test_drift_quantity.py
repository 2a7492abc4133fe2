from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_operator.domain import quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", "0.5"),
        ("500m", "0.5"),
        ("1Gi", "1073741824"),
        ("1G", "1000000000"),
        ("1e3", "1000"),
        ("1E-2", "0.01"),
        ("1E", "1000000000000000000"),
        ("-2", "-2"),
        (".5", "0.5"),
        ("100n", "0.0000001"),
        (2, "2"),
        (0.1, "0.1"),
    ],
)
def test_quantities(text: Any, value: str) -> None:
    assert quantity.parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1GiB", "0x1", None, True, [], "1e", "25%"])
def test_not_quantities(text: Any) -> None:
    assert quantity.parse(text) is None
    assert not quantity.equal(text, text)


@given(st.integers(0, 10**6))
def test_the_same_amount_in_other_words_is_equal(number: int) -> None:
    assert quantity.equal(f"{number}Gi", f"{number * 1024}Mi")
    assert quantity.equal(number, f"{number * 1000}m")
    assert not quantity.equal(f"{number}Gi", f"{number + 1}Gi")
