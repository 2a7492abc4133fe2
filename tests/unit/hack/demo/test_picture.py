"""The live picture tells the truth in both its forms."""

from __future__ import annotations

from pba_hack.demo.picture import Picture, lines
from pba_hack.traffic.tally import Failure, Snapshot

COUNTS = Snapshot(
    sent=31,
    by_node={"shop-b": 10, "shop-a": 20},
    failures=(Failure("2026-01-01T00:00:00.000Z", 0.1, "GET /", "abc", "", "GET: status 503", "503 b''"),),
    longest_seconds=0.1,
)


def test_the_bars_are_in_proportion_and_the_figures_are_there() -> None:
    rows = lines(COUNTS, "2 backends")
    assert rows[0].strip() == "2 backends"
    first, second = rows[1], rows[2]
    assert "shop-a" in first
    assert first.count("█") == 2 * second.count("█")
    assert rows[-1].strip() == "31 requests sent, 30 answered, 1 failed"


def test_a_log_gets_one_line_for_each_look() -> None:
    written: list[str] = []
    picture = Picture(written.append, terminal=False)
    picture.draw(COUNTS, "2 backends")
    picture.draw(COUNTS, "2 backends")
    assert written == ["  2 backends: 31 sent, 1 failed | a:20 b:10\n"] * 2


def test_a_terminal_is_drawn_over() -> None:
    written: list[str] = []
    picture = Picture(written.append, terminal=True)
    picture.draw(COUNTS, "2 backends")
    assert "\x1b[4A" not in written
    picture.draw(COUNTS, "5 backends")
    assert "\x1b[4A" in written
