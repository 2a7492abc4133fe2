"""A node that takes requests and answers none is found; one whose requests are long, or rest, is not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from pba_sync.judging.pasts import End
from pba_sync.judging.silence import SEVERAL, Listener, stand_out

SPAN = 5.0
SOON = End(20.0, seconds=0.02)
Looks = list[frozenset[str]]


class Watch:
    """Looks at nodes once a second."""

    def __init__(self, span: float = SPAN) -> None:
        self.listener = Listener(span)
        self.now = 100.0

    def look(self, running: Mapping[str, int], ended: Mapping[str, Sequence[End]]) -> frozenset[str]:
        self.now += 1.0
        self.listener.note(ended)
        self.listener.look(running.keys(), self.now, lambda: running)
        return self.listener.silent

    def looks(self, *running: int, others: int) -> Looks:
        """Look while so many requests run on one node that ends none, and so many end soon at the other each time."""
        return [self.look({"hangs": count, "well": 2}, {"well": [SOON] * others}) for count in running]


@pytest.fixture
def watch() -> Watch:
    """Both nodes have been busy for a while."""
    made = Watch()
    for _ in range(10):
        made.look({"hangs": 1, "well": 1}, {"hangs": [SOON] * 50, "well": [SOON] * 50})
    return made


def test_a_node_that_ends_nothing_stands_out_once_requests_have_run_for_what_clients_bear(
    watch: Watch,
) -> None:
    seen = watch.looks(*[SEVERAL] * 8, others=50)
    assert seen == [frozenset()] * 5 + [frozenset(["hangs"])] * 3


def test_so_does_a_busy_one_all_of_whose_users_hang_within_a_second(watch: Watch) -> None:
    for _ in range(6):
        watch.look({"hangs": 10, "well": 2}, {"hangs": [SOON] * 500, "well": [SOON] * 50})
    assert watch.looks(*[10] * 6, others=50)[-1] == {"hangs"}


def test_an_answer_ends_it_at_once_and_a_failure_does_not(watch: Watch) -> None:
    watch.looks(*[SEVERAL] * 6, others=50)
    failed = End(-1.0, failed=True, seconds=6.0)
    watch.listener.note({"hangs": [failed]})
    assert watch.listener.silent == {"hangs"}
    watch.listener.note({"hangs": [failed, SOON]})
    assert watch.listener.silent == frozenset()
    assert not watch.looks(SEVERAL - 1, others=50)[0]


def test_a_trial_that_fails_proves_it_until_the_node_answers(watch: Watch) -> None:
    watch.looks(*[SEVERAL] * 6, others=50)
    assert not watch.listener.hanging
    watch.listener.prove(["hangs", "well"])
    assert watch.listener.hanging == {"hangs"}
    watch.looks(*[SEVERAL] * 20, others=50)
    assert watch.listener.hanging == {"hangs"}
    watch.listener.note({"hangs": [End(20.0, seconds=0.02, trial=True)]})
    assert watch.listener.hanging == frozenset()


@pytest.mark.parametrize(
    ("running", "others"),
    [(SEVERAL - 1, 100), (SEVERAL, 1), (SEVERAL, 0)],
    ids=["few", "little traffic", "none"],
)
def test_what_may_be_chance_proves_nothing(watch: Watch, running: int, others: int) -> None:
    assert not any(watch.looks(*[running] * 20, others=others)[6:])


def test_streams_of_before_do_not_count_in_a_lull(watch: Watch) -> None:
    for _ in range(6):
        watch.look({"hangs": 21, "well": 2}, {"hangs": [SOON] * 50, "well": [SOON] * 50})
    assert not any(watch.looks(*[20] * 20, others=50))


@pytest.mark.parametrize("span", [0.5, 1.0, 2.0])
def test_nor_do_they_where_the_limit_is_shorter_than_the_time_between_two_counts(span: float) -> None:
    watch = Watch(span)
    for _ in range(10):
        watch.look({"hangs": 30, "well": 2}, {"hangs": [End(400.0, seconds=0.4)] * 25, "well": [SOON] * 50})
    assert not any(watch.looks(*[20] * 20, others=50))


def test_nor_do_new_ones_where_streams_are_usual(watch: Watch) -> None:
    """A node that joins gets all short requests; at the other there are sixty sockets, and eight are new."""
    for _ in range(6):
        watch.look({"hangs": 60, "well": 0}, {"hangs": [SOON] * 25, "well": [SOON]})
    assert not any(watch.looks(*[68] * 20, others=25))


def test_nor_do_those_that_a_new_sidecar_finds() -> None:
    assert not any(Watch().looks(*[20] * 20, others=100))


def test_who_gives_up_does_not_count(watch: Watch) -> None:
    assert not any(watch.looks(8, 8, 8, 2, 2, 2, 2, 2, 2, 2, others=100))


def test_where_all_hang_nobody_stands_out(watch: Watch) -> None:
    assert not any(watch.look({"hangs": 20, "well": 20}, {}) for _ in range(20))


def test_it_is_known_how_many_requests_are_overdue_also_where_all_nodes_hang_or_one_gets_no_more(
    watch: Watch,
) -> None:
    seen = []
    for _ in range(6):
        watch.look({"hangs": 20, "well": 30}, {})
        seen.append(watch.listener.overdue)
    assert seen == [0, 0, 0, 0, 2, 50], "two ran already at the last answers"
    running = {"hangs": 20, "well": 30}
    watch.listener.look({"well"}, watch.now + 1.0, lambda: running)
    assert watch.listener.overdue == 50
    watch.now += 1.0
    watch.look({"hangs": 20, "well": 30}, {"well": [SOON]})
    assert watch.listener.overdue == 0, "the one has answered, the other is as new"


def test_where_half_of_them_hang_both_stand_out() -> None:
    assert stand_out({"a": 10, "b": 10, "c": 0, "d": 0}, late=0, soon=1000) == {"a", "b"}
    assert stand_out({"a": 10, "b": 10, "c": 10, "d": 10}, late=0, soon=10) == frozenset()


@pytest.mark.parametrize("bound", [False, True], ids=["least", "bound"])
@pytest.mark.parametrize("rate", [0.5, 5.0, 50.0], ids=lambda rate: f"{rate:g}/s")
@pytest.mark.parametrize(
    ("share", "longest"), [(0.0, 0.0), (0.02, 60.0), (0.3, 30.0), (0.95, 25.0)], ids=lambda part: f"{part:g}"
)
def test_streams_reports_and_long_polls_put_nobody_in_doubt(
    rate: float, share: float, longest: float, *, bound: bool
) -> None:
    """Ten minutes, by chance: some requests last up to so many seconds, as long as they do by themselves.

    A request goes to the node with the fewest, or to that of its client, of whom there are twenty.
    """
    chance, watch = random.Random(f"{rate} {share} {bound}"), Watch()  # noqa: S311 - no secret
    running: list[tuple[float, float, str]] = []
    for _ in range(600):
        for _ in range(int(rate) + (chance.random() < rate % 1)):
            length = chance.uniform(0.0, longest) if chance.random() < share else chance.expovariate(20.0)
            busy = Counter(node for _, _, node in running)
            fewest = min("abcd", key=lambda node: (busy[node], chance.random()))
            node = "abcd"[chance.randrange(20) % 4] if bound else fewest
            running.append((watch.now + length, length, node))
        over = [entry for entry in running if entry[0] <= watch.now + 1.0]
        running = [entry for entry in running if entry[0] > watch.now + 1.0]
        ended: dict[str, list[End]] = {}
        for _, length, node in over:
            ended.setdefault(node, []).append(End(1.0, seconds=length))
        counts = Counter(node for _, _, node in running)
        assert watch.look({node: counts[node] for node in "abcd"}, ended) == frozenset()
