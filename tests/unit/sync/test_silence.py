"""A node that takes requests and answers none is found; one whose requests are long, or rest, is not."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from pba_sync.judging.silence import Seen, Silences, follow, silent

SPAN = 5.0


class Watch:
    """Looks at nodes once a second."""

    def __init__(self) -> None:
        self.known = Silences()
        self.now = 100.0

    def look(self, running: dict[str, int], ended: dict[str, list[float]]) -> frozenset[str]:
        seen = Seen(self.now, running, ended.keys(), [seconds for took in ended.values() for seconds in took])
        self.known = follow(self.known, seen, SPAN)
        found = silent(self.known, self.now, SPAN)
        self.now += 1.0
        return found

    def looks(self, *hanging: int, others: int) -> list[frozenset[str]]:
        """Look while so many requests run on one node, and so many end soon at the other one each time."""
        return [
            self.look({"hangs": count, "well": 2}, {"well": [0.02] * others} if others else {})
            for count in hanging
        ]


def test_a_node_that_ends_nothing_for_the_time_that_clients_bear_stands_out() -> None:
    watch = Watch()
    seen = watch.looks(0, 4, 4, 4, 4, 4, 4, 4, others=100)
    assert seen == [frozenset()] * 6 + [frozenset(["hangs"])] * 2


def test_it_stands_out_no_more_once_it_is_heard_of() -> None:
    watch = Watch()
    assert watch.looks(0, 4, 4, 4, 4, 4, 4, others=100)[-1]
    assert watch.look({"hangs": 3, "well": 2}, {"hangs": [7.0], "well": [0.02] * 100}) == frozenset()


@pytest.mark.parametrize(
    ("begun", "others"), [(2, 100), (4, 1), (4, 0)], ids=["few", "little traffic", "none"]
)
def test_what_may_be_chance_proves_nothing(begun: int, others: int) -> None:
    assert not any(Watch().looks(0, *[begun] * 20, others=others))


def test_what_ran_before_it_was_last_heard_of_does_not_count() -> None:
    """Twenty streams, and a lull."""
    watch = Watch()
    watch.look({"hangs": 20, "well": 2}, {"hangs": [0.02], "well": [0.02] * 100})
    assert not any(watch.looks(*[20] * 20, others=100))


def test_who_gives_up_does_not_count() -> None:
    assert not any(Watch().looks(0, 8, 8, 2, 2, 2, 2, 2, 2, 2, others=100))


def test_where_all_hang_nobody_stands_out() -> None:
    watch = Watch()
    watch.look({"a": 0, "b": 0}, {"a": [0.02] * 500, "b": [0.02] * 500})
    assert not any(watch.look({"a": 20, "b": 20}, {}) for _ in range(20))


def test_where_half_of_them_hang_both_stand_out() -> None:
    watch, found = Watch(), frozenset[str]()
    for hanging in (0, *[10] * 8):
        running = dict.fromkeys("ab", hanging) | dict.fromkeys("cd", 1)
        found = watch.look(running, {"c": [0.02] * 100, "d": [0.02] * 100})
    assert found == {"a", "b"}


@pytest.mark.parametrize("rate", [0.5, 5.0, 50.0], ids=lambda rate: f"{rate:g}/s")
@pytest.mark.parametrize(
    ("share", "longest"), [(0.0, 0.0), (0.02, 60.0), (0.3, 30.0), (0.95, 25.0)], ids=lambda part: f"{part:g}"
)
def test_streams_reports_and_long_polls_put_nobody_in_doubt(
    rate: float, share: float, longest: float
) -> None:
    """Ten minutes, by chance: some requests last up to so many seconds, as long as they do by themselves."""
    chance, watch = random.Random(f"{rate} {share}"), Watch()  # noqa: S311 - no secret
    running: list[tuple[float, float, str]] = []
    for _ in range(600):
        for _ in range(int(rate) + (chance.random() < rate % 1)):
            length = chance.uniform(0.0, longest) if chance.random() < share else chance.expovariate(20.0)
            running.append((watch.now + length, length, chance.choice("abcd")))
        ended: dict[str, list[float]] = {}
        for _, length, node in (entry for entry in running if entry[0] <= watch.now):
            ended.setdefault(node, []).append(length)
        running = [entry for entry in running if entry[0] > watch.now]
        counts = Counter(node for _, _, node in running)
        assert watch.look({node: counts[node] for node in "abcd"}, ended) == frozenset()
