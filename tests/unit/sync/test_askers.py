"""What ends badly for one client alone puts no node out; what does for several, does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pba_sync.judging.askers import REMEMBERED, SEVERAL, Askers, Said
from pba_sync.judging.limits import Limits
from pba_sync.judging.outliers import Look, Standings, assess
from pba_sync.judging.pasts import FAILED, FAILS, KEPT, KINDS, WELL, Asked, End, Past
from pba_sync.judging.phases import Phase

LIMITS = Limits()
NODES = ("a", "b", "c", "d", "e")
GOOD = End(20.0, seconds=0.02)
BAD = (End(5.0, failed=True), End(4000.0))
"""Failed, and late."""


def by(address: str, end: End = GOOD, path: str = "/") -> End:
    return end._replace(asked=Asked(address, path))


def looked(
    known: Standings, now: float, ended: Sequence[End] = (), shared: tuple[str, ...] = ()
) -> Standings:
    """Look once more: each node has answered others well, and node `a` these besides."""
    usual = {name: [by(f"192.0.2.{number}") for number in range(20)] for name in NODES}
    return assess(known, Look({**usual, "a": [*usual["a"], *ended]}, now, shared=shared), LIMITS)


def settled() -> Standings:
    known = Standings({})
    for step in range(100):
        known = looked(known, step * 0.1)
    return known


def after(*looks: Sequence[End], shared: tuple[str, ...] = ()) -> Phase:
    known = settled()
    for number, ended in enumerate(looks):
        known = looked(known, 10.0 + number * 0.1, ended, shared)
    return known.marks["a"].phase


@pytest.mark.parametrize("bad", BAD)
def test_one_client_and_one_thing_that_ends_badly_put_no_node_out(bad: End) -> None:
    assert after(*[[by("198.51.100.7", bad, "/poison")] * 8] * 50) is Phase.FULL


@pytest.mark.parametrize("bad", BAD)
def test_three_clients_do_and_so_does_one_that_asks_for_three_things(bad: End) -> None:
    assert after([by(f"198.51.100.{number}", bad) for number in range(3)]) is Phase.OUT
    assert after([by("198.51.100.7", bad, f"/{number}") for number in range(3)]) is Phase.OUT
    assert after([by(f"198.51.100.{number}", bad) for number in range(2)] * 30) is Phase.FULL
    two_things = by("198.51.100.7", bad, "/x"), by("198.51.100.7", bad, "/y")
    assert after([*two_things, by("198.51.100.8", bad, "/x")]) is Phase.OUT


@pytest.mark.parametrize("bad", BAD)
def test_an_address_of_many_clients_is_none_of_one(bad: End) -> None:
    assert after([by("198.51.100.7", bad)] * 4, shared=("198.51.100.7",)) is Phase.OUT


@pytest.mark.parametrize("bad", BAD)
def test_who_is_not_known_may_be_anybody(bad: End) -> None:
    assert after([bad] * 4) is Phase.OUT


@pytest.mark.parametrize("bad", BAD)
def test_what_a_client_meets_by_his_own_doing_is_no_proof_beside_what_others_met_by_chance(bad: End) -> None:
    culprit = [by("198.51.100.7", bad, "/poison")] * 8
    assert after(culprit, culprit, [bad], culprit, culprit) is Phase.FULL
    assert after(culprit, culprit, [bad] * 4, culprit) is Phase.OUT


def test_who_was_long_ago_does_not_count() -> None:
    said, past = Said(), Past()
    for number in range(SEVERAL):
        assert not any(said.proof(past).bad)
        said, past = said.then(Asked(f"198.51.100.{number}", "/"), FAILED), past.then(FAILED)
    for _ in range(KEPT - SEVERAL):
        assert said.proof(past).ends().bad[FAILS] == SEVERAL
        said, past = said.then(Asked("192.0.2.1", "/"), WELL), past.then(WELL)
    said, past = said.well(1), past.well(1)
    assert past.ends().bad[FAILS] == SEVERAL - 1
    assert not any(said.proof(past).bad)


def test_that_everybodys_pages_are_late_makes_one_clients_report_no_proof() -> None:
    said, past = Said(), Past()
    for number in range(16):
        said, past = said.then(Asked(f"198.51.100.{number}", "/page"), 1), past.then(1)
        said, past = said.then(Asked("198.51.100.7", "/report"), 4), past.then(4)
    proof = said.proof(past).ends()
    assert proof.bad == (32, *[0] * (KINDS - 1))


def shared(*counts: tuple[str, str, int]) -> frozenset[str]:
    askers = Askers()
    for address, node, count in counts:
        askers.note({node: [by(address)] * count})
    return askers.shared()


def test_an_address_is_shared_that_much_comes_from_to_several_nodes() -> None:
    others = [(f"192.0.2.{number}", "a", 1) for number in range(100)]
    assert shared(*others, ("proxy", "a", 20), ("proxy", "b", 20)) == {"proxy"}
    assert shared(*others, ("few", "a", 10), ("few", "b", 10)) == set()
    assert shared(*others, ("bound", "a", 80), ("bound", "b", 20)) == set()
    assert shared() == set()


def test_what_was_long_ago_is_forgotten() -> None:
    before = [("proxy", node, REMEMBERED) for node in ("a", "b")]
    after_it = [(f"192.0.2.{number}", "a", 1) for number in range(REMEMBERED)]
    askers = Askers()
    for address, node, count in (*before, *after_it):
        askers.note({node: [by(address)] * count})
    assert askers.shared() == set()
    assert len(askers._at) == REMEMBERED
