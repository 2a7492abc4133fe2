"""Several PBAClusters on simulated nodes: they settle, a restart writes nothing, and one that fails delays no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pba_hack.audit import AuditLog, writes_of
from pba_hack.bench.case import Trial
from pba_hack.bench.operator.crowd import Crowd, crowd
from pba_hack.bench.operator.neighbour import NoSuchNeighbourError, Street
from pba_hack.bench.operator.storm import storm
from pba_hack.progress import Progress

NUMBER = 11
EDITS = 10


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Return PBAClusters that are all Ready, with no operator."""
    folder: Path = tmp_path_factory.mktemp("many")
    with crowd(Trial(folder, Progress(), short=True), NUMBER) as made:
        yield made


def test_a_restarted_operator_writes_nothing(many: Crowd) -> None:
    assert many.ready() == NUMBER
    with many.operator("first") as first:  # the stand-in's databases are empty: this one makes the accounts
        many.await_seen(first)
    log = AuditLog(many.server.audit_log)
    with many.operator("second") as second:
        many.await_seen(second)
        entries = log.entries()
    assert [entry for entry in entries if entry["user"]["username"] == second.user], "it asked for nothing"
    assert [f"{entry['verb']} {entry['requestURI']}" for entry in writes_of(second.user, entries)] == []
    assert many.ready() == NUMBER


def test_one_that_always_fails_delays_no_other(many: Crowd) -> None:
    with many.operator("third") as operator:
        many.await_seen(operator)
        street = Street(many, operator, EDITS)
        alone = min(street.alone() for _ in range(2))
        assert alone < 2.0
        for beside in (
            street.beside_a_failing_one,
            street.beside_a_well_one_that_is_edited,
            street.beside_a_failing_one_that_is_edited,
        ):
            # who waits for a whole back-off does so each time; a machine that stands still does not
            assert any(beside() < alone + 2.0 for _ in range(2)), beside.__name__


def test_a_storm_is_over_when_the_last_edit_is_acted_on(many: Crowd) -> None:
    with many.operator("fifth") as operator:
        many.await_seen(operator)
        log = AuditLog(many.server.audit_log)
        seconds = storm(many, operator, EDITS)
        written = [one for one in writes_of(operator.user, log.entries()) if is_service(one)]
    assert 0 < seconds < 30, "the reach is the bench's; here only that it is a time: the machine may be busy"
    assert {one["objectRef"]["name"] for one in written} == {f"shop-{index}" for index in range(EDITS)}


def is_service(entry: dict[str, Any]) -> bool:
    return bool(entry["objectRef"]["resource"] == "services")


def test_a_neighbour_that_does_not_fail_is_not_taken_for_one_that_does(
    many: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pba_hack.bench.operator.neighbour._policy", lambda _: {})
    monkeypatch.setattr(Street, "_await_refusals", lambda _: None)
    with many.operator("fourth") as operator:
        many.await_seen(operator)
        street = Street(many, operator, EDITS)
        for beside in (street.beside_a_failing_one, street.beside_a_failing_one_that_is_edited):
            with pytest.raises(NoSuchNeighbourError, match="it failed 0 times"):
                beside()
