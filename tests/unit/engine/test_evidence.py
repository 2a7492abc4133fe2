"""Events of others are read where no status tells why something does not happen, and only then."""

from __future__ import annotations

import pytest
from pba_simulation.bench import CLUSTER, Bench, config_map

from pba_operator.domain.model import Apply, Manifest, Observed, Plan
from pba_operator.kube import errors
from pba_operator.kube.store import Address

SUBJECT = {**config_map(), "metadata": {**config_map()["metadata"], "uid": "u-1"}}


def event(name: str, at: str, kind: str, message: str, uid: str = "u-1") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"uid": uid},
        "type": kind,
        "message": message,
        "lastTimestamp": f"2026-11-24T10:00:{at}Z",
    }


def questions(bench: Bench) -> int:
    """Return how often Events were asked for."""
    return sum((verb, at.kind) == ("LIST", "Event") for verb, at in bench.api.reads)


def refuse(verb: str, at: Address) -> None:
    if (verb, at.kind) == ("LIST", "Event"):
        raise errors.Forbidden("no right to read events")


async def seen(bench: Bench) -> list[str]:
    """Reconcile; return the evidence of each plan."""
    found: list[str] = []

    def note(observed: Observed) -> Plan:
        found.append(observed.evidence)
        return Plan()

    bench.plan = note
    assert CLUSTER in bench.api.objects
    await bench.reconcile()
    return found


async def test_the_last_word_counts_if_it_is_a_warning(bench: Bench) -> None:
    bench.evidence = lambda _observed: SUBJECT
    bench.api.create_as("controller", event("a", "01", "Warning", "quota exceeded: old"))
    bench.api.create_as("controller", event("b", "09", "Warning", "quota exceeded"))
    bench.api.create_as("controller", event("c", "59", "Warning", "of another object", uid="u-2"))
    assert set(await seen(bench)) == {"quota exceeded"}


async def test_a_warning_before_a_success_is_history(bench: Bench) -> None:
    bench.evidence = lambda _observed: SUBJECT
    bench.api.create_as("controller", event("a", "01", "Warning", "quota exceeded"))
    bench.api.create_as("controller", event("b", "02", "Normal", "created the pod"))
    assert set(await seen(bench)) == {""}


async def test_without_a_question_no_events_are_read(bench: Bench) -> None:
    assert set(await seen(bench)) == {""}
    assert questions(bench) == 0


async def test_events_that_may_not_be_read_stop_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.evidence = lambda _observed: SUBJECT
    bench.api.before = refuse
    assert set(await seen(bench)) == {""}
    assert "no right to read events" in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("answer", ["a warning", "nothing", "a refusal"])
async def test_events_are_read_once_however_often_is_planned(bench: Bench, answer: str) -> None:
    bench.evidence = lambda _observed: SUBJECT
    if answer == "a warning":
        bench.api.create_as("controller", event("a", "01", "Warning", "quota exceeded"))
    if answer == "a refusal":
        bench.api.before = refuse
    bench.wants(Apply(config_map()))
    await bench.reconcile()
    assert bench.planned == 2, "before the write, and after it"
    assert questions(bench) == 1
