"""What a customer and a reseller do, on whichever node answers them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pba_store.browser import Browser
from pba_store.node import Node, Stage

from pba_demoapp.storefront import LOGO_LIMIT

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
RESELLER = {"email": "reseller@example.com", "password": "the-reseller"}


def added(store: Stage, before: dict[str, Any], *counts: str) -> list[int]:
    """Return by how much the books' counts have grown since `before`; the books must agree."""
    after = store.check()
    assert after["balanced"], after
    return [after[name] - before[name] for name in counts]


def test_a_customer_signs_up_on_one_node_and_orders_and_pays_on_another(
    nodes: list[Node], browser: Browser, store: Stage
) -> None:
    first, second = nodes
    before = store.check()
    account = browser.sign_up(first).json["account"]
    assert browser.call(second, "GET", "/api/me").json == {"account": account}
    placed = browser.order(second, "one")
    assert placed.status == 201
    order = placed.json["order"]
    assert (order["total_cents"], order["node"], placed.headers["X-Node"]) == (
        390 + 2 * 990,
        "node-b",
        "node-b",
    )
    invoice = browser.call(first, "GET", f"/api/invoices/{order['invoice_id']}").json["invoice"]
    assert (invoice["net_cents"], invoice["tax_cents"], invoice["status"]) == (2370, 474, "open")
    assert sum(entry["amount_cents"] for entry in invoice["entries"]) == 0
    paid = [browser.call(node, "POST", f"/api/invoices/{invoice['id']}/pay", {}) for node in (first, second)]
    assert [answer.json["invoice"]["status"] for answer in paid] == ["paid", "paid"]
    assert added(store, before, "orders", "invoices", "payments", "replayed_orders") == [1, 1, 1, 0]


def test_log_in_out_and_in_again(nodes: list[Node], browser: Browser) -> None:
    first, second = nodes
    browser.sign_up(first, email="ada@example.com")
    assert browser.call(second, "POST", "/api/logout").status == 204
    assert browser.call(first, "GET", "/api/me").json["error"] == "not_logged_in"
    wrong = {"email": "ada@example.com", "password": "longenough-not"}
    assert browser.call(first, "POST", "/api/login", wrong).status == 401
    nobody = {"email": "bob@example.com", "password": "longenough"}
    assert browser.call(first, "POST", "/api/login", nobody).json["error"] == "wrong_credentials"
    right = {"email": "Ada@Example.com", "password": "longenough"}
    token = browser.call(second, "POST", "/api/login", right).json["token"]
    browser.cookies.clear()
    assert browser.call(first, "GET", "/api/me", Authorization=f"Bearer {token}").status == 200


def test_an_address_is_taken_once_however_many_ask_at_the_same_moment(nodes: list[Node]) -> None:
    data = {"email": "wanted@example.com", "name": "Ada", "password": "longenough"}

    def sign_up(number: int) -> int:
        status: int = Browser().call(nodes[number % 2], "POST", "/api/signup", data).status
        return status

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(sign_up, range(4))) == [201, 409, 409, 409]


def test_an_order_sent_many_times_at_once_is_one_order(
    nodes: list[Node], browser: Browser, store: Stage
) -> None:
    token, before = browser.sign_up(nodes[0]).json["token"], store.check()

    def order(number: int) -> Any:
        again = Browser()
        again.cookies["store_session"] = token
        return again.order(nodes[number % 2], "the same")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(order, range(6)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    assert len({answer.json["order"]["id"] for answer in answers}) == 1
    assert added(store, before, "orders", "replayed_orders") == [1, 1]


def test_the_request_id_counts_where_there_is_no_idempotency_key(nodes: list[Node], browser: Browser) -> None:
    browser.sign_up(nodes[0])
    lines = {"lines": [{"product": "web-m", "quantity": 1}]}
    answers = [browser.call(node, "POST", "/api/orders", lines, X_Request_Id="r-7") for node in nodes]
    assert [answer.status for answer in answers] == [201, 200]
    assert [answer.json["replayed"] for answer in answers] == [False, True]
    assert {answer.headers["X-Request-Id"] for answer in answers} == {"r-7"}


def test_two_customers_may_use_the_same_key(nodes: list[Node]) -> None:
    for _ in range(2):
        browser = Browser()
        browser.sign_up(nodes[0])
        assert browser.order(nodes[0], "key").status == 201


def test_what_is_somebody_elses_is_not_shown(nodes: list[Node]) -> None:
    owner, other = Browser(), Browser()
    owner.sign_up(nodes[0])
    other.sign_up(nodes[0])
    order = owner.order(nodes[0], "mine").json["order"]
    for path in (f"/api/orders/{order['id']}", f"/api/invoices/{order['invoice_id']}"):
        assert other.call(nodes[0], "GET", path).status == 404
    assert other.call(nodes[0], "POST", f"/api/invoices/{order['invoice_id']}/pay", {}).status == 404


def test_requests_that_make_no_sense_are_refused_with_a_sentence(nodes: list[Node], browser: Browser) -> None:
    browser.sign_up(nodes[0])
    senseless: tuple[Any, ...] = (
        {"lines": []},
        {"lines": "web-s"},
        {"lines": [{"product": "no-such-thing", "quantity": 1}]},
        {"lines": [{"product": "web-s", "quantity": 1.5}]},
        {"lines": [{"product": "web-s", "quantity": True}]},
        {"lines": [{"product": 7}]},
        [],
    )
    for body in senseless:
        answer = browser.call(nodes[0], "POST", "/api/orders", body)
        assert (answer.status, answer.json["error"]) == (400, "invalid"), body
        assert answer.json["message"].endswith(".")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.request(nodes[0], "POST", "/api/orders", b"lines=1", form).status == 400
    assert browser.call(nodes[0], "GET", "/api/nothing-here").status == 404
    assert (
        browser.call(nodes[0], "POST", "/api/orders", {"lines": []}, Idempotency_Key="x" * 65).status == 400
    )


def test_the_books_tell_which_acknowledged_orders_are_missing(nodes: list[Node], browser: Browser) -> None:
    browser.sign_up(nodes[0])
    for key in ("run-1", "run-2"):
        browser.order(nodes[0], key)
    wanted = {"request_ids": ["run-1", "lost", "run-2"]}
    assert browser.call(nodes[1], "POST", "/api/ledger/missing", wanted).json == {"missing": ["lost"]}
    assert nodes[1].get("/ledger/check?orders_with=run-").json["orders_with_prefix"] == 2


def test_a_logo_uploaded_on_one_node_is_shown_by_all(nodes: list[Node], browser: Browser) -> None:
    first, second = nodes
    browser.call(first, "POST", "/api/login", RESELLER)
    put = browser.request(first, "PUT", "/api/store/logo", PNG, {"Content-Type": "image/png"})
    url = put.json["store"]["logo"]
    shown = second.get(url)
    assert (shown.body, shown.headers["Content-Type"]) == (PNG, "image/png")
    assert "immutable" in shown.headers["Cache-Control"]
    assert url in browser.page(second, "/")
    other = browser.request(second, "PUT", "/api/store/logo", PNG + b"x").json["store"]["logo"]
    assert first.get(url).status == 404
    assert first.get(other).status == 200


def test_only_the_reseller_uploads_only_pictures_only_small_ones(nodes: list[Node]) -> None:
    customer, reseller, node = Browser(), Browser(), nodes[0]
    assert customer.request(node, "PUT", "/api/store/logo", PNG).status == 401
    customer.sign_up(node)
    assert customer.request(node, "PUT", "/api/store/logo", PNG).json["error"] == "not_the_reseller"
    assert customer.request(node, "GET", "/settings").status == 403
    assert customer.request(node, "GET", "/ledger").status == 403
    reseller.call(node, "POST", "/api/login", RESELLER)
    assert reseller.request(node, "PUT", "/api/store/logo", b"<svg/>").json["error"] == "not_a_picture"
    for size in (LOGO_LIMIT + 1, 4 * LOGO_LIMIT):
        answer = reseller.request(node, "PUT", "/api/store/logo", PNG + b"\x00" * (size - len(PNG)))
        assert (answer.status, answer.json["error"]) == (413, "too_large")


def test_a_person_signs_up_fills_the_cart_orders_and_pays(
    nodes: list[Node], browser: Browser, store: Stage
) -> None:
    first, second = nodes
    before = store.check()
    put_in = browser.submit(first, "/products/web-m", "/cart", product="web-m", quantity="2", add="1")
    assert (put_in.status, put_in.headers["Location"]) == (303, "/cart")
    assert "Log in to order" in browser.page(second, "/cart")
    signed = browser.submit(
        first,
        "/signup?next=/cart",
        "/signup",
        email="g@example.com",
        name="Grace",
        password="longenough",
        next="/cart",
    )
    assert (signed.status, signed.headers["Location"]) == (303, "/cart")
    request_id = re.search(r'name="request_id" value="(\w+)"', browser.page(second, "/cart"))
    assert request_id is not None
    cart = dict(browser.cookies)
    ordered = browser.submit(second, "/cart", "/checkout", request_id=request_id[1])
    browser.cookies.update(cart)  # a second click, before the answer to the first one
    again = browser.submit(first, "/cart", "/checkout", request_id=request_id[1])
    assert ordered.headers["Location"] == again.headers["Location"]
    order = browser.page(first, ordered.headers["Location"])
    invoice = re.search(r'href="(/invoices/\d+)"', order)
    assert "Thank you" in order
    assert invoice is not None
    assert browser.submit(second, invoice[1], f"{invoice[1]}/pay").status == 303
    assert "paid" in browser.page(first, invoice[1])
    assert "Grace" in browser.page(first, "/account")
    assert added(store, before, "orders", "payments") == [1, 1]


def test_a_form_of_another_site_changes_nothing(nodes: list[Node], browser: Browser, store: Stage) -> None:
    browser.sign_up(nodes[0])
    browser.cookies["store_cart"], before = "web-s*1", store.check()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/checkout", "/logout", "/settings", "/cart"):
        for body in (b"request_id=x", b"request_id=x&csrf_token=guessed"):
            assert browser.request(nodes[0], "POST", path, body, form).status == 400
    assert added(store, before, "orders") == [0]
    assert browser.call(nodes[0], "GET", "/api/me").status == 200


def test_what_a_visitor_writes_is_never_taken_for_html_and_log_in_never_leads_elsewhere(
    nodes: list[Node], browser: Browser
) -> None:
    browser.sign_up(nodes[0], name="<script>alert(1)</script>")
    page = browser.page(nodes[0], "/account")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example"):
        assert "evil.example" not in browser.page(nodes[0], f"/login?next={elsewhere}")


def test_the_reseller_renames_the_store_and_sees_the_books(nodes: list[Node], browser: Browser) -> None:
    first, second = nodes
    login = {"email": RESELLER["email"], "password": RESELLER["password"]}
    browser.submit(first, "/login", "/login", **login)
    changed = {"name": "Southgate", "tagline": "Nearer to the sea", "color": "#8b1f5f"}
    assert browser.submit(first, "/settings", "/settings", **changed).status == 303
    front = browser.page(second, "/")
    assert all(text in front for text in changed.values())
    refused = browser.submit(first, "/settings", "/settings", **(changed | {"color": "red"}))
    assert refused.status == 400
    assert "#1f5f8b" in refused.text
    assert "The books agree" in browser.page(second, "/ledger")


def test_every_answer_says_who_gave_it_and_to_which_request(nodes: list[Node]) -> None:
    for path in (
        "/healthz",
        "/healthz/ready",
        "/whoami",
        "/",
        "/api/products",
        "/nowhere",
        "/static/style.css",
    ):
        answer = nodes[1].get(path)
        assert answer.headers["X-Node"] == "node-b"
        assert len(answer.headers["X-Request-Id"]) == 32
    assert nodes[1].get("/whoami").json == {"node": "node-b"}
