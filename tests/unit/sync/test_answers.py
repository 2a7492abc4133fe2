from __future__ import annotations

import json
from typing import Any

import pytest

from pba_sync.judging.answers import Answer, by_node, cut_off, news, parsed, read, refused
from pba_sync.judging.pasts import End


def line(**fields: Any) -> str:
    whole = {"node": "a", "status": 200, "end": "--", "response_ms": 20, "total_ms": 500, "retries": 0}
    return json.dumps({**whole, **fields})


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, Answer("a", End(20, failed=False, seconds=0.5))),
        ({"status": 404}, Answer("a", End(20, failed=False, seconds=0.5))),
        ({"status": 503}, Answer("a", End(20, failed=True, seconds=0.5))),
        ({"status": 504, "end": "sH", "response_ms": -1}, Answer("a", End(-1, failed=True, seconds=0.5))),
        ({"status": 502, "end": "SH", "response_ms": -1}, Answer("a", End(-1, failed=True, seconds=0.5))),
        ({"status": 200, "end": "SD"}, Answer("a", End(20, failed=True, seconds=0.5))),
        ({"trial": "a"}, Answer("a", End(20, failed=False, seconds=0.5, trial=True))),
        (
            {"trial": "a", "status": 500, "retries": 3},
            Answer("a", End(20, failed=True, seconds=0.5, trial=True), retried=True),
        ),
        ({"retries": 1}, Answer("a", End(20, failed=False, seconds=0.5), retried=True)),
        (
            {"trial": "bad", "retries": 1},
            Answer("bad", End(-1, failed=True, seconds=0.5, trial=True), retried=True),
        ),
        (
            {"trial": "bad", "retries": 1, "status": 500},
            Answer("bad", End(-1, failed=True, seconds=0.5, trial=True), retried=True),
        ),
    ],
)
def test_what_became_of_a_request(fields: dict[str, Any], answer: Answer) -> None:
    assert read(parsed([line(**fields)])) == [answer]


def test_who_has_asked_for_what() -> None:
    (answer,) = read(parsed([line(client="192.0.2.1", path="/a")]))
    assert answer.end.asked == ("192.0.2.1", "/a")


@pytest.mark.parametrize(
    ("fields", "cookie"),
    [
        ({"end": "----"}, ""),
        ({"end": "--NI"}, "new"),
        ({"end": "--VN"}, "bound"),
        ({"end": "SHDI"}, "down"),
        ({"end": "--II", "left": ""}, "unknown"),
        ({"end": "--II", "left": "bad"}, "left"),
        ({"end": "--UN"}, ""),
    ],
)
def test_what_a_clients_cookie_said(fields: dict[str, Any], cookie: str) -> None:
    assert [answer.cookie for answer in read(parsed([line(**fields)]))] == [cookie]


@pytest.mark.parametrize(
    "fields",
    [
        {"node": "<NOSRV>", "status": 503, "end": "SC", "response_ms": -1},
        {"end": "CD"},
        {"end": "KD", "status": 500},
        {"end": "cH", "response_ms": -1},
        {"status": -1, "response_ms": -1},
        {"node": ""},
        {"trial": "gone"},
    ],
)
def test_what_says_nothing_of_a_node_is_left_out(fields: dict[str, Any]) -> None:
    assert read(parsed([line(**fields)])) == []


def test_a_line_that_cannot_be_read_costs_no_other_one() -> None:
    assert [answer.node for answer in read(parsed([line(), '{"node": "b', "7", "", line(node="c")]))] == [
        "a",
        "c",
    ]


def test_what_was_seen_before_is_no_news() -> None:
    assert news(["a", "b", "c"], "b") == ["c"]
    assert news(["a", "b"], "b") == []
    assert news([], "b") == []
    assert news(["c", "d"], "b") == ["c", "d"], "overwritten meanwhile: all are newer"
    assert news(["a", "b"], "") == ["a", "b"]


def test_each_node_has_what_ended_there_in_its_order_and_nobody_else() -> None:
    answers = read(
        parsed([line(), line(status=500), line(response_ms=30), line(node="gone"), line(node="b")])
    )
    ends = by_node(answers, ["a", "b", "quiet"])
    assert {name: [(end.milliseconds, end.failed) for end in of] for name, of in ends.items()} == {
        "a": [(20, False), (20, True), (30, False)],
        "b": [(20, False)],
        "quiet": [],
    }


def test_what_was_ended_at_a_deadline_is_counted() -> None:
    lines = [
        line(end="KD--"),
        line(end="KD--", upgraded="websocket"),
        line(end="cK"),
        line(path="/K"),
        '"end": "K',
    ]
    assert cut_off(parsed([*lines, line(end="KQ")])) == {"request": 2, "websocket": 1}


def test_what_no_node_has_got_is_counted_by_its_status() -> None:
    lines = [
        line(node="<NOSRV>", status=429, end="PR"),
        *[line(node="<NOSRV>", status=503, end="sQ")] * 2,
        line(node="<NOSRV>", status=302, end="LR"),
        line(node="<NOSRV>", status=408, end="cR"),
        line(node="a", status=503),
    ]
    assert refused(parsed(lines)) == {"429": 1, "503": 2}
