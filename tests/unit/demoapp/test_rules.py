"""The store's rules that need no database: amounts, passwords, pictures, carts, carts' limits, settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from pba_demoapp import accounts, billing, invoices, ledger, orders, passwords, settings, storefront
from pba_demoapp.__main__ import main, server_options
from pba_demoapp.catalogue import PRODUCTS
from pba_demoapp.errors import DemoappError, InvalidError, NotAPictureError, TooLargeError
from pba_demoapp.web import cart, filters

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
NOW = datetime(2026, 11, 24, 3, 5)  # noqa: DTZ001


@given(st.integers(0, 10**12))
def test_tax_is_a_fifth_rounded_to_the_nearest_cent(net: int) -> None:
    tax = invoices.tax_on(net)
    assert abs(tax * 5 - net) <= 2.5
    assert isinstance(tax, int)


def test_the_ledger_refuses_a_transaction_that_does_not_sum_to_zero() -> None:
    nothing: Any = None
    with pytest.raises(ValueError, match="sum to zero"):
        ledger.book(nothing, ledger.INVOICE, 1, {ledger.CASH: 100, ledger.REVENUE: -99}, NOW)


@pytest.mark.parametrize("password", ["longenough", "\N{GRINNING FACE}" * 8, "x" * 128])
def test_a_password_is_verified_and_another_is_not(password: str) -> None:
    kept = passwords.hash_password(password)
    assert password not in kept
    assert passwords.verify_password(password, kept)
    assert not passwords.verify_password(password + "x", kept)


def test_two_hashes_of_one_password_differ() -> None:
    assert passwords.hash_password("the same one") != passwords.hash_password("the same one")


@pytest.mark.parametrize(
    ("email", "name", "password"),
    [
        ("no-at-sign", "Ada", "longenough"),
        ("a b@example.com", "Ada", "longenough"),
        ("ada@example.com", "  ", "longenough"),
        ("ada@example.com", "x" * 101, "longenough"),
        ("ada@example.com", "Ada", "short"),
        ("ada@example.com", "Ada", "x" * 129),
    ],
)
def test_a_sign_up_that_makes_no_sense_is_refused(email: str, name: str, password: str) -> None:
    with pytest.raises(InvalidError):
        accounts.check_new_account(email, name, password)


def test_a_sign_up_is_tidied() -> None:
    new = accounts.check_new_account(" Ada@Example.COM ", " Ada  Lovelace ", "longenough")
    assert (new.email, new.name) == ("ada@example.com", "Ada Lovelace")


def test_an_account_shows_no_password_in_logs() -> None:
    with_password = settings.from_environment({"DB_PASSWORD": "hidden-1", "RESELLER_PASSWORD": "hidden-2"})
    assert "hidden" not in repr(with_password)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("web-s", 0)],
        [("web-s", 100)],
        [("web-s", 1), ("web-s", 2)],
        [(f"product-{number}", 1) for number in range(21)],
    ],
)
def test_an_order_that_makes_no_sense_is_refused(lines: list[tuple[str, int]]) -> None:
    with pytest.raises(InvalidError):
        orders.check_lines(lines)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89arest", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
def test_a_picture_is_told_by_its_content(data: bytes, kind: str) -> None:
    assert storefront.picture_type(data) == kind


@pytest.mark.parametrize(
    "data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<script>alert(1)</script>", b"RIFFxxxxWAVE"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPictureError):
        storefront.picture_type(data)


def test_a_logo_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    fits = PNG + b"\x00" * (storefront.LOGO_LIMIT - len(PNG))
    assert storefront.picture_type(fits) == "image/png"
    with pytest.raises(TooLargeError):
        storefront.picture_type(fits + b"\x00")


@pytest.mark.parametrize(
    "cookie", ["", "*", "web-s", "web-s*0", "web-s*-1", "web-s*999", "<script>*1", "*1_*2"]
)
def test_a_cart_that_makes_no_sense_is_empty(cookie: str) -> None:
    with Flask("cart").test_request_context(headers={"Cookie": f"store_cart={cookie}"}):
        assert cart.content() == {}


def test_a_cart_keeps_what_is_put_in_and_lets_go_of_what_is_taken_out() -> None:
    with Flask("cart").test_request_context(headers={"Cookie": "store_cart=web-s*2_mail-10*1"}):
        assert cart.with_quantity("web-m", 3) == {"web-s": 2, "mail-10": 1, "web-m": 3}
        assert cart.with_quantity("web-s", 0) == {"mail-10": 1}
        assert cart.with_quantity("web-s", 1000)["web-s"] == orders.QUANTITY_LIMIT


def test_amounts_days_and_periods_are_written_as_people_write_them() -> None:
    assert [filters.money(cents) for cents in (0, 5, 123456, -990)] == [
        "$0.00",
        "$0.05",
        "$1,234.56",
        "\u2212$9.90",
    ]
    assert filters.day(NOW) == "24 November 2026"
    assert filters.per("month") == "a month"


@pytest.mark.parametrize(
    ("color", "text"), [("#000000", "#ffffff"), ("#1f5f8b", "#ffffff"), ("#ffe680", "#1d2733")]
)
def test_text_stands_out_on_any_colour(color: str, text: str) -> None:
    assert filters.text_on(color) == text


@pytest.mark.parametrize("period", ["", "2026", "2026-13", "2026-00", "26-11", "2026-11-01"])
def test_a_billing_run_for_no_period_is_refused(period: str) -> None:
    nothing: Any = None
    with pytest.raises(InvalidError):
        billing.run(nothing, period, "node", NOW)


def test_the_billing_run_is_off_unless_it_is_switched_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BILLING_ENABLED", raising=False)
    assert main(["billing-run"]) == 2
    assert "BILLING_ENABLED=true" in capsys.readouterr().err


def test_a_setting_that_must_be_a_number_and_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"DB_PORT.*'mysql'"):
        settings.from_environment({"DB_PORT": "mysql"})


def test_an_empty_variable_counts_as_absent() -> None:
    assert settings.from_environment({"DB_HOST": "", "PORT": ""}) == settings.from_environment({})


def test_the_web_server_writes_nowhere_but_to_memory_and_outlives_the_balancers_connections() -> None:
    options = server_options(settings.from_environment({"PORT": "8081"}))
    assert "--worker-tmp-dir=/dev/shm" in options
    assert "--no-control-socket" in options
    assert "--bind=0.0.0.0:8081" in options
    assert "--keep-alive=75" in options


def test_each_error_has_a_code_of_its_own() -> None:
    def leaves(kind: type[DemoappError]) -> list[type[DemoappError]]:
        below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
        return below or [kind]

    codes = [kind.code for kind in leaves(DemoappError)]
    assert len(codes) == len(set(codes)) >= 10


def test_the_catalogue_fits_into_its_table() -> None:
    assert len({product.code for product in PRODUCTS}) == len(PRODUCTS)
    for product in PRODUCTS:
        assert cart._ITEM.fullmatch(f"{product.code}*1")
        assert len(product.summary) <= 200
        assert len(product.description) <= 1000
        assert product.price_cents > 0
