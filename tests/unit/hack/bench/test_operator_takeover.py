"""A takeover's time is from the signal to the other's first write in the audit log; two who act at once are told."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pba_hack.bench.operator import takeover
from pba_hack.bench.operator.takeover import BothActError

BEGAN = 1_000_000.0


def entry(
    user: str, after: float, resource: str = "deployments", code: int = 200, verb: str = "patch"
) -> str:
    received, done = (
        dt.datetime.fromtimestamp(BEGAN + seconds, dt.UTC).isoformat(timespec="microseconds")
        for seconds in (after - 0.25, after)
    )
    content: dict[str, Any] = {
        "user": {"username": user},
        "verb": verb,
        "objectRef": {"resource": resource},
        "responseStatus": {"code": code},
        "requestURI": f"/{resource}",
        "requestReceivedTimestamp": received,
        "stageTimestamp": done,
    }
    return json.dumps(content) + "\n"


class Place:
    """A namespace in whose audit log the next entry appears with each edit of the user."""

    def __init__(self, audit_log: Path, entries: Sequence[str]) -> None:
        audit_log.write_text(entry("rival", -5.0))
        self.server = self
        self.audit_log = audit_log
        self._entries = iter(entries)
        self._renewals = itertools.count()
        self.edits: list[str] = []

    def get(self, kind: str, _name: str) -> dict[str, Any]:
        assert kind == "Lease"
        return {"spec": {"renewTime": next(self._renewals)}}

    def patch(self, _kind: str, _name: str, patch: dict[str, Any]) -> None:
        self.edits.append(patch["spec"]["application"]["image"])
        with self.audit_log.open("a") as log:
            log.write(next(self._entries))


class Replica:
    """A replica that the test speaks for."""

    def __init__(self, user: str, *, holds: bool = False) -> None:
        self.user = self.identity = user
        self.holds = holds
        self.is_running = True
        self.waited = False

    def wait(self) -> None:
        self.waited = True


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "RENEW_EVERY", 0.0)
    monkeypatch.setattr(takeover, "EDIT_EVERY", 0.0)


def figure(tmp_path: Path, *entries: str, holder: Replica | None = None) -> float:
    place: Any = Place(tmp_path / "audit.log", entries)
    old: Any = holder or Replica("holder", holds=True)
    new: Any = Replica("rival")
    dice = random.Random(1)  # noqa: S311 - a test's own dice
    seconds = takeover.takeover(place, old, new, lambda _: BEGAN, dice)
    assert old.waited
    assert len(set(place.edits)) == len(place.edits), (
        "each edit is another one: there is always something to do"
    )
    return seconds


def test_the_time_is_from_the_signal_to_the_end_of_the_others_first_write(tmp_path: Path) -> None:
    assert figure(tmp_path, entry("rival", 3.5)) == pytest.approx(3.5)
    assert figure(tmp_path, entry("rival", 3.5) + entry("rival", 4.5)) == pytest.approx(3.5)


def test_only_a_write_of_the_other_one_that_was_carried_out_counts(tmp_path: Path) -> None:
    others = (
        entry("holder", 0.5),
        entry("rival", 1.0, "leases"),
        entry("rival", 1.1, "events"),
        entry("rival", 1.2, code=409),
        entry("rival", 1.3, verb="list"),
        entry("rival", 2.0),
    )
    assert figure(tmp_path, *others) == pytest.approx(2.0)


def test_an_old_holder_that_writes_after_the_new_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(BothActError, match="holder has written after rival"):
        figure(tmp_path, entry("rival", 2.0) + entry("holder", 2.1))


def test_who_does_not_hold_the_lease_cannot_lose_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="does not hold"):
        figure(tmp_path, holder=Replica("holder"))
