"""Secrets that are made, and what MySQL and the plan get to see of Secrets."""

from __future__ import annotations

import pytest
from pba_simulation.bench import QUESTION, STATUS, Bench

from pba_api.identity import LABEL_CLUSTER
from pba_operator.domain.model import (
    AccountState,
    CannotGenerateError,
    ChildId,
    DatabaseObservation,
    Failure,
    Generate,
    Generator,
    Manifest,
    Observed,
    Plan,
)
from pba_operator.engine.worker import Outcome
from pba_operator.kube import errors
from pba_operator.kube.store import Address


async def test_generated_content_is_made_once_and_signed(bench: Bench) -> None:
    def secret(name: str) -> Manifest:
        metadata = {"name": name, "namespace": "default", "labels": {LABEL_CLUSTER: "shop"}}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"given": "1"}}

    authority = ChildId("Secret", "ca")
    bench.wants(
        Generate(secret("ca"), Generator.CERTIFICATE_AUTHORITY),
        Generate(secret("tls"), Generator.SERVER_CERTIFICATE, issuer=authority),
    )
    await bench.reconcile()
    assert bench.written == ["CREATE Secret/ca", "CREATE Secret/tls", STATUS]
    made = bench.api.objects[Address("Secret", "default", "tls")]["data"]
    assert set(made) == {"given", "signed-by", "of"}


async def test_content_that_cannot_be_made_is_told_and_the_rest_done(bench: Bench) -> None:
    def secret(name: str) -> Manifest:
        metadata = {"name": name, "namespace": "default", "labels": {LABEL_CLUSTER: "shop"}}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}

    def refuse(action: Generate) -> None:
        if action.generator is Generator.SERVER_CERTIFICATE:
            raise CannotGenerateError("the authority is garbage")

    bench.before_generating = refuse
    bench.wants(
        Generate(secret("tls"), Generator.SERVER_CERTIFICATE), Generate(secret("app"), Generator.PASSWORD)
    )
    assert await bench.reconcile() == Outcome("refused", retry=True)
    assert bench.written == ["CREATE Secret/app", STATUS]
    assert bench.failures == (
        Failure(ChildId("Secret", "tls"), "CannotGenerate", "the authority is garbage"),
    )


async def test_a_secret_that_somebody_made_first_is_left_as_it_is(bench: Bench) -> None:
    metadata = {"name": "s", "namespace": "default", "labels": {LABEL_CLUSTER: "shop"}}
    wanted = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    bench.wants(Generate(wanted, Generator.PASSWORD))

    def be_faster(verb: str, _at: Address) -> None:
        if verb == "CREATE":
            bench.api.before = lambda _verb, _at: None
            bench.api.create_as("user", {**wanted, "data": {"password": "dGhlaXJz"}})

    bench.api.before = be_faster
    await bench.reconcile()
    assert bench.api.objects[Address("Secret", "default", "s")]["data"] == {"password": "dGhlaXJz"}
    assert bench.failures == ()


async def test_mysql_gets_the_secrets_that_it_needs(bench: Bench) -> None:
    admin = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "adm", "namespace": "default", "labels": {LABEL_CLUSTER: "shop"}},
    }
    app = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app", "namespace": "default"}}
    for secret in (admin, app):
        bench.api.create_as("user", secret)
    bench.see_events()
    bench.references = (ChildId("Secret", "app"),)
    bench.wants(QUESTION)
    assert await bench.reconcile() == Outcome("changed")
    assert set(bench.secrets) == {ChildId("Secret", "adm"), ChildId("Secret", "app")}


async def test_who_has_lost_the_lease_sends_no_sql(bench: Bench) -> None:
    bench.wants(QUESTION)
    bench.api.fenced = True
    with pytest.raises(errors.Fenced):
        await bench.reconcile()
    assert bench.asked == []
    bench.api.fenced = False
    await bench.reconcile()
    assert bench.asked == [QUESTION]


@pytest.mark.parametrize("state", [AccountState.UNREACHABLE, AccountState.REFUSED])
async def test_mysql_is_asked_again_until_it_says_that_all_is_well(bench: Bench, state: AccountState) -> None:
    bench.wants(QUESTION)
    bench.answers = [DatabaseObservation(state, QUESTION, detail="no")] * 2
    for _ in range(2):
        assert await bench.reconcile() == Outcome("changed", retry=True)
    assert await bench.reconcile() == Outcome("changed")
    assert await bench.reconcile() == Outcome("unchanged")
    assert bench.answers == []


async def test_a_user_s_reference_is_read_and_what_is_not_there_is_told(bench: Bench) -> None:
    wanted = ChildId("Secret", "theirs")
    bench.references = (wanted,)
    seen: list[Observed] = []
    bench.plan = lambda observed: seen.append(observed) or Plan()  # type: ignore[func-returns-value]
    await bench.reconcile()
    assert seen[-1].references == {wanted: None}
    bench.api.create_as(
        "user", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs", "namespace": "default"}}
    )
    await bench.reconcile()
    assert len(seen) == 1, "read ten seconds ago at most: as it was"
    bench.clock.seconds += 11
    await bench.reconcile()
    assert seen[-1].references[wanted] is not None
