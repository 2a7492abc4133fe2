from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pba_sync.balancer import rates
from pba_sync.balancer.exchange import LOOK_SECONDS
from pba_sync.balancer.rates import FRESH_SECONDS, HOLD_SECONDS, PATIENCE_SECONDS, Spread
from pba_sync.haproxy.errors import AnswerMalformedError

TABLE = """# table: clients, type: ipv6, size:100000, used:3
0x7ff1: key=2001:db8:1:2:: use=0 exp=9992 shard=0 http_req_rate(1000)=12 gpc0=40 gpc0_rate(1000)=8
0x7ff2: key=::ffff:192.0.2.7 use=1 exp=9980 shard=0 gpc0=7 gpc0_rate(1000)=3 http_req_rate(1000)=9

"""
RATES = {"2001:db8:1:2::": 12, "::ffff:192.0.2.7": 9}
LIMIT = 100


def test_rates_are_read_from_the_table() -> None:
    assert rates.read_rates(TABLE) == RATES
    assert rates.read_rates("# table: clients, type: ipv6, size:100000, used:0\n\n") == {}


@pytest.mark.parametrize("cut", range(1, 90))
def test_a_table_of_which_the_end_was_not_read_tells_of_the_others(cut: int) -> None:
    assert rates.read_rates(TABLE.rstrip()[:-cut]) == {"2001:db8:1:2::": 12}


def test_of_very_many_clients_some_are_told() -> None:
    row = "0x1: key=::ffff:10.0.{}.{} use=0 http_req_rate(1000)=9\n"
    rows = (row.format(number >> 8, number & 255) for number in range(rates.MAX_CLIENTS + 10))
    assert len(rates.read_rates(TABLE.partition("\n")[0] + "\n" + "".join(rows))) == rates.MAX_CLIENTS


@pytest.mark.parametrize("answer", ["", "No such table\n\n", "# table: clients\n0x1: key=a;b\n"])
def test_what_is_no_table_of_clients_is_an_error(answer: str) -> None:
    with pytest.raises(AnswerMalformedError):
        rates.read_rates(answer)


def test_a_page_is_read_as_it_was_written() -> None:
    assert rates.read_page(rates.page(RATES)) == RATES
    assert rates.read_page(b'{"asked":{"::1":7},"of a newer sidecar":[]}') == {"::1": 7}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"7",
        b"{}",
        b'{"asked":',
        b'{"asked":[]}',
        b'{"asked":{"a":"1"}}',
        b'{"asked":{"a":1.5}}',
        b'{"asked":{"a":-1}}',
        b'{"asked":{"a":4294967296}}',
        b"\xff",
        b"[" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_page_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json says
        rates.read_page(text)


def test_what_frontends_tell_is_added_up() -> None:
    assert rates.total_rates([]) == {}
    assert rates.total_rates([{"a": 1, "b": 2}, {"b": 3}, {}]) == {"a": 1, "b": 5}


@pytest.mark.parametrize(
    ("limit", "frontends", "untold"), [(1000, 1, 100), (1000, 5, 20), (9, 3, 1), (1, 9, 1)]
)
def test_what_all_keep_to_themselves_is_a_tenth_or_one_request_each(
    limit: int, frontends: int, untold: int
) -> None:
    assert rates.untold(limit, frontends) == untold


def test_too_much_at_several_frontends_is_told_once_it_has_been_for_long_enough() -> None:
    spread, here, elsewhere = Spread(LIMIT), {"a": 60, "b": 60, "c": 200}, {"a": 50, "b": 40}
    assert spread.look(0.0, here, elsewhere) == {}
    assert spread.look(HOLD_SECONDS - 0.01, here, elsewhere) == {}
    assert spread.look(HOLD_SECONDS, here, elsewhere) == {"a": 50}
    assert spread.look(HOLD_SECONDS + 1, here, {"a": 70}) == {"a": 70}


def test_one_look_at_which_it_was_not_too_much_begins_anew() -> None:
    spread, here = Spread(LIMIT), {"a": 60}
    spread.look(0.0, here, {"a": 50})
    spread.look(1.0, here, {"a": 40})
    assert spread.look(HOLD_SECONDS, here, {"a": 50}) == {}
    assert spread.look(HOLD_SECONDS * 2, here, {"a": 50}) == {"a": 50}


@pytest.mark.parametrize(("here", "elsewhere"), [({"a": 60}, {}), ({}, {"a": 50}), ({"a": 60}, {"a": 40})])
def test_what_was_told_and_is_over_is_taken_back_at_once_and_once(
    here: dict[str, int], elsewhere: dict[str, int]
) -> None:
    spread = Spread(LIMIT)
    spread.look(0.0, {"a": 60}, {"a": 50})
    assert spread.look(HOLD_SECONDS, {"a": 60}, {"a": 50}) == {"a": 50}
    assert spread.look(HOLD_SECONDS + 0.5, here, elsewhere) == {"a": 0}
    assert spread.look(HOLD_SECONDS + 1.0, here, elsewhere) == {}


def fading(now: float, began: float, ended: float, phase: float, rate: float) -> int:
    """Return HAProxy's rate of a client that asks from `began` to `ended`: this second's, and a part of the last one's.

    Source: HAProxy 3.0's `read_freq_ctr_period` (`src/freq_ctr.c`).
    """

    def asked(start: float, end: float) -> float:
        return rate * max(0.0, min(end, ended) - max(start, began))

    second = (now - phase) // 1 + phase
    return int(asked(second, now) + asked(second - 1, second) * (1 - (now - second)))


seconds = st.floats(0, 1)


@given(
    phases=st.tuples(seconds, seconds),
    first_look=st.floats(0, LOOK_SECONDS),
    late=st.floats(0, FRESH_SECONDS + PATIENCE_SECONDS),
    asks=st.integers(1, LIMIT),
)
@example(phases=(0.99, 0.5), first_look=0.001, late=FRESH_SECONDS + PATIENCE_SECONDS, asks=LIMIT)
def test_a_client_that_moves_is_never_told_however_late_the_other_frontend_is(
    phases: tuple[float, float], first_look: float, late: float, asks: int
) -> None:
    moved = 10.0
    spread = Spread(LIMIT)
    for number in range(20):
        now = moved - 2 + first_look + number * LOOK_SECONDS
        there = fading(now - late, 0.0, moved, phases[0], asks)
        here = fading(now, moved, 99.0, phases[1], asks)
        assert spread.look(now, {"a": here} if here else {}, {"a": there} if there else {}) == {}
