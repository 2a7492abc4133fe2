"""One reconcile, with a plan that the test writes: what is asked before a write, what is not written, when it ends."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pba_simulation.apiserver import SimulatedApi
from pba_simulation.time import ManualClock
from pba_simulation.world import cluster as manifest_of

from pba_api.identity import FINALIZER, LABEL_CLUSTER
from pba_operator.domain.cluster import Invalid, read
from pba_operator.domain.drift import stamp
from pba_operator.domain.model import (
    AccountState,
    Action,
    Apply,
    ChildId,
    Cluster,
    DatabaseObservation,
    Delete,
    EnsureAccounts,
    Failure,
    Generate,
    Generator,
    Manifest,
    Observed,
    Plan,
    SetFinalizer,
)
from pba_operator.engine.assembly import Engine
from pba_operator.engine.metrics import Metrics
from pba_operator.engine.ports import Domain
from pba_operator.engine.worker import Outcome
from pba_operator.kube import errors, kinds
from pba_operator.kube.store import Address, Key

KEY = Key("default", "shop")
MAP = ChildId("ConfigMap", "shop-a")
CLUSTER = Address("PBACluster", "default", "shop")
QUESTION = EnsureAccounts(
    "h", "s", "u", (ChildId("Secret", "app"), "p"), ChildId("Secret", "adm"), ChildId("Secret", "ca"), "1"
)


def config_map(name: str = "shop-a", *, label: bool = True, **data: str) -> Manifest:
    labels = {LABEL_CLUSTER: "shop"} if label else {}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return stamp({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v"}})


def address(child: ChildId) -> Address:
    return Address(child.kind, "default", child.name)


class Bench:
    """An engine whose domain is the test's: `plan` is asked, and until then nothing is planned."""

    def __init__(self) -> None:
        self.api = SimulatedApi()
        self.clock = ManualClock()
        self.plan: Callable[[Observed], Plan] = lambda _observed: Plan()
        self.status: Manifest = {"conditions": []}
        self.failures: tuple[Failure, ...] = ()
        self.references: tuple[ChildId, ...] = ()
        self.answers: list[DatabaseObservation] = []
        self.secrets: Mapping[ChildId, Manifest] = {}
        self.planned = 0
        self.engine = Engine(
            kube=self.api,
            domain=Domain(
                read=read, plan=self._plan, report=self._report, references=lambda _spec: self.references
            ),
            accounts=self,
            material=self._material,
            clock=self.clock,
            jitter=lambda: 0.0,
            metrics=Metrics(),
        )

    def _plan(self, _cluster: Cluster | Invalid, observed: Observed) -> Plan:
        self.planned += 1
        return self.plan(observed)

    def _report(
        self, cluster: Cluster | Invalid, _observed: Observed, failures: tuple[Failure, ...]
    ) -> Manifest:
        self.failures = failures
        return {"observedGeneration": cluster.generation, **self.status}

    async def ensure(
        self, wanted: EnsureAccounts, secrets: Mapping[ChildId, Manifest]
    ) -> DatabaseObservation:
        self.secrets = secrets
        return (
            self.answers.pop(0) if self.answers else DatabaseObservation(AccountState.READY, wanted, "9.7.4")
        )

    async def _material(self, action: Generate, issuer: Manifest | None) -> dict[str, str]:
        return {"signed-by": issuer["metadata"]["name"] if issuer else "nobody", "of": action.generator.value}

    async def begin(self, **spec: Any) -> None:
        self.api.create_as("user", manifest_of(**spec))
        await self.engine.resync.seed()

    async def reconcile(self) -> Outcome:
        return await self.engine.reconciler.reconcile(KEY)

    def see_events(self) -> None:
        events, self.api.events = self.api.events, []
        for event in events:
            self.engine.intake.event(kinds.of(event.object), event.type, event.object)

    @property
    def written(self) -> list[str]:
        return [str(write) for write in self.api.writes]

    def wants(self, *actions: Action) -> None:
        """Plan these actions for as long as their objects are not there (or still there, to be deleted)."""

        def due(action: Action, observed: Observed) -> bool:
            match action:
                case Apply(manifest) | Generate(manifest):
                    return ChildId(manifest["kind"], manifest["metadata"]["name"]) not in observed.children
                case Delete(target):
                    return target in observed.children
                case EnsureAccounts():
                    return observed.database.asked != action
            return True

        self.plan = lambda observed: Plan(tuple(action for action in actions if due(action, observed)))


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.begin()
    return made


STATUS = "APPLY PBACluster/shop"


async def test_what_is_missing_is_applied_and_the_status_written_once(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    assert await bench.reconcile() == Outcome("changed")
    assert bench.written == ["APPLY ConfigMap/shop-a", STATUS]
    assert await bench.reconcile() == Outcome("unchanged")
    assert len(bench.written) == 2


async def test_a_settled_cluster_is_not_planned_again_until_something_changes(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    await bench.reconcile()
    before, reads = bench.planned, len(bench.api.reads)
    await bench.reconcile()
    assert bench.planned == before
    assert len(bench.api.reads) == reads
    bench.api.patch_as("user", address(MAP), {"data": {"k": "other"}})
    bench.see_events()
    await bench.reconcile()
    assert bench.planned > before


async def test_our_own_writes_wake_nobody(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    await bench.engine.workers.work_once()
    bench.see_events()
    assert bench.engine.queue.idle


async def test_a_change_during_a_reconcile_is_looked_at_after_it(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def edit(_verb: str, at: Address) -> None:
        if at.kind == "PBACluster":
            bench.api.after = lambda _verb, _at: None
            bench.api.patch_as("user", CLUSTER, {"spec": {"paused": True}})

    def edit_before(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "PBACluster":
            bench.api.before = lambda _verb, _at: None
            edit(verb, at)

    bench.api.before = edit_before
    outcome = await bench.reconcile()
    assert outcome.again_after == 0.0, (
        "the answer to our write brought the user's edit: its event is no news any more"
    )


async def test_before_the_first_write_the_cluster_itself_is_read(bench: Bench) -> None:
    seen = []

    def plan(observed: Observed) -> Plan:
        seen.append(observed)
        return Plan((Apply(config_map()),)) if MAP not in observed.children else Plan()

    bench.plan = plan
    bench.api.patch_as("user", CLUSTER, {"spec": {"paused": True}})  # no watch has told
    await bench.reconcile()
    live = bench.engine.store.cluster(KEY)
    assert live is not None
    assert live["spec"]["paused"] is True
    assert bench.planned == 3, "planned for the old one, for the one that was read, and at the end"
    assert ("GET", CLUSTER) in bench.api.reads


async def test_a_cluster_that_is_gone_is_found_out_before_anything_is_written(bench: Bench) -> None:
    bench.wants(Apply(config_map()))
    bench.api.delete_as(CLUSTER)
    assert await bench.reconcile() == Outcome("gone")
    assert bench.written == []
    assert await bench.reconcile() == Outcome("gone")


async def test_a_foreign_object_is_seen_before_it_would_be_overwritten(bench: Bench) -> None:
    bench.api.create_as("user", config_map(label=False, mine="yes"))
    bench.wants(Apply(config_map()))
    assert await bench.reconcile() == Outcome("changed")
    assert bench.written == [STATUS]
    assert bench.api.objects[address(MAP)]["data"] == {"mine": "yes"}


async def test_an_object_of_another_cluster_is_seen_as_well(bench: Bench) -> None:
    other = config_map()
    other["metadata"]["labels"] = {LABEL_CLUSTER: "other"}
    bench.api.create_as("user", other)
    bench.see_events()
    bench.wants(Apply(config_map()))
    await bench.reconcile()
    assert bench.written == [STATUS]


async def test_missing_children_are_looked_for_once(bench: Bench) -> None:
    bench.wants(Apply(config_map()), Apply(config_map("shop-b")))
    await bench.reconcile()
    looked = [at.name for verb, at in bench.api.reads if verb == "GET" and at.kind == "ConfigMap"]
    assert sorted(looked) == ["shop-a", "shop-b"]


async def test_an_apply_is_to_the_object_that_was_looked_at(bench: Bench) -> None:
    bench.api.create_as("us", config_map(k="old"))
    bench.see_events()
    bench.plan = lambda observed: (
        Plan((Apply(config_map(k="new")),)) if observed.children[MAP]["data"]["k"] == "old" else Plan()
    )
    bench.api.delete_as(address(MAP))
    bench.api.create_as("user", config_map(label=False, k="theirs"))  # no watch has told
    assert await bench.reconcile() == Outcome("changed")
    assert bench.api.objects[address(MAP)]["data"] == {"k": "theirs"}


async def test_a_conflict_that_stays_is_a_failure(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def refuse(verb: str, _at: Address) -> None:
        if verb == "APPLY" and _at.kind == "ConfigMap":
            raise errors.Conflict("it always conflicts", reason="Conflict")

    bench.api.before = refuse
    outcome = await bench.reconcile()
    assert outcome.retry
    assert bench.failures == (Failure(MAP, "Conflict", "it always conflicts"),)


async def test_what_is_refused_is_told_and_the_rest_done(bench: Bench) -> None:
    bench.wants(Apply(config_map()), Apply(config_map("shop-b")))

    def refuse(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.name == "shop-a":
            raise errors.Forbidden("exceeded quota", reason="Forbidden")

    bench.api.before = refuse
    outcome = await bench.reconcile()
    assert outcome == Outcome("refused", retry=True)
    assert bench.failures == (Failure(MAP, "Forbidden", "exceeded quota"),)
    assert bench.written == ["APPLY ConfigMap/shop-b", STATUS]
    bench.api.before = lambda _verb, _at: None
    assert await bench.reconcile() == Outcome("changed")
    assert bench.failures == ()


async def test_a_failing_server_is_told_only_if_it_goes_on_failing(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def fail(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "ConfigMap":
            raise errors.ServerError("a webhook is away", reason="InternalError")

    bench.api.before = fail
    for _ in range(2):
        with pytest.raises(errors.ServerError):
            await bench.reconcile()
        bench.engine.queue.retry(KEY)
    assert bench.written == []
    with pytest.raises(errors.ServerError):
        await bench.reconcile()
    assert bench.failures == (Failure(MAP, "InternalError", "a webhook is away"),)
    assert bench.written == [STATUS]


async def test_a_server_that_is_away_stops_everything(bench: Bench) -> None:
    bench.wants(Apply(config_map()))

    def fail(_verb: str, _at: Address) -> None:
        raise errors.Unreachable("no route")

    bench.api.before = fail
    for _ in range(5):
        with pytest.raises(errors.Unreachable):
            await bench.reconcile()
        bench.engine.queue.retry(KEY)
    assert bench.written == []


async def test_an_apply_that_changes_nothing_is_not_repeated(bench: Bench) -> None:
    """A webhook writes the value in another way than we do."""
    bench.plan = lambda _observed: Plan((Apply(config_map()),))
    assert await bench.reconcile() == Outcome("changed")
    bench.clock.seconds += 1000
    assert await bench.reconcile() == Outcome("unchanged")
    assert bench.written.count("APPLY ConfigMap/shop-a") == 1
    bench.api.patch_as("user", address(MAP), {"metadata": {"annotations": {"x": "y"}}})
    bench.see_events()
    await bench.reconcile()
    assert bench.written.count("APPLY ConfigMap/shop-a") == 2, "something changed: it was worth a try"


async def test_who_is_fought_is_written_to_ever_less_often(bench: Bench) -> None:
    bench.plan = lambda observed: (
        Plan() if observed.children.get(MAP, {}).get("data") == {"k": "v"} else Plan((Apply(config_map()),))
    )
    await bench.reconcile()
    times = []
    for _ in range(400):
        bench.api.patch_as("vandal", address(MAP), {"data": {"k": "vandal"}})
        bench.see_events()
        before = len(bench.written)
        outcome = await bench.reconcile()
        if len(bench.written) > before:
            times.append(bench.clock.seconds)
        else:
            assert outcome.again_after is not None
            assert outcome.again_after > 0
        bench.clock.seconds += 1
    assert len(times) < 20
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[:2] == [1, 1], "the first corrections come at once"
    assert gaps[-1] > 100


async def test_before_anything_is_destroyed_everything_is_listed_anew(bench: Bench) -> None:
    bench.api.create_as("us", config_map())
    bench.see_events()
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.plan = lambda observed: (
        Plan((Delete(MAP, uid),)) if MAP in observed.children and len(observed.children) == 1 else Plan()
    )
    bench.api.create_as("us", config_map("shop-b"))  # no watch has told: with it, nothing is to be deleted
    await bench.reconcile()
    assert "DELETE ConfigMap/shop-a" not in bench.written


async def test_what_is_gone_is_not_deleted_again(bench: Bench) -> None:
    bench.api.create_as("us", config_map())
    bench.see_events()
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.wants(Delete(MAP, uid))
    bench.api.delete_as(address(MAP))  # no watch has told
    await bench.reconcile()
    assert bench.written == [STATUS]
    assert bench.engine.store.get(address(MAP)) is None


async def test_a_deletion_is_seen_at_once_and_not_repeated(bench: Bench) -> None:
    held = config_map("shop-b")
    held["metadata"]["finalizers"] = ["somebody/else"]
    for manifest in (config_map(), held):
        bench.api.create_as("us", manifest)
    bench.see_events()
    uids = {
        child: bench.api.objects[address(child)]["metadata"]["uid"]
        for child in (MAP, ChildId("ConfigMap", "shop-b"))
    }
    bench.wants(*(Delete(child, uid) for child, uid in uids.items()))
    await bench.reconcile()
    deletions = [write for write in bench.written if write.startswith("DELETE")]
    assert deletions == ["DELETE ConfigMap/shop-a", "DELETE ConfigMap/shop-b"]
    await bench.reconcile()
    assert [write for write in bench.written if write.startswith("DELETE")] == deletions


async def test_a_deletion_that_comes_too_late_is_none(bench: Bench) -> None:
    bench.api.create_as("us", config_map())
    bench.see_events()
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.wants(Delete(MAP, uid))

    def vanish(verb: str, at: Address) -> None:
        if verb == "DELETE":
            bench.api.before = lambda _verb, _at: None
            bench.api.delete_as(at)

    bench.api.before = vanish
    assert await bench.reconcile() == Outcome("changed")


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


@pytest.mark.parametrize("state", [AccountState.UNREACHABLE, AccountState.MISSING])
async def test_mysql_is_asked_again_until_it_says_that_all_is_well(bench: Bench, state: AccountState) -> None:
    bench.wants(QUESTION)
    bench.answers = [DatabaseObservation(state, QUESTION, detail="no")] * 2
    for _ in range(2):
        assert await bench.reconcile() == Outcome("changed", retry=True)
    assert await bench.reconcile() == Outcome("changed")
    assert await bench.reconcile() == Outcome("unchanged")
    assert bench.answers == []


async def test_the_finalizer_comes_and_goes_beside_others(bench: Bench) -> None:
    bench.api.patch_as("user", CLUSTER, {"metadata": {"finalizers": ["a/b"]}})
    bench.see_events()
    has = lambda: FINALIZER in bench.api.objects[CLUSTER]["metadata"]["finalizers"]  # noqa: E731
    bench.plan = lambda _observed: Plan(() if has() else (SetFinalizer(present=True),))
    await bench.reconcile()
    assert bench.api.objects[CLUSTER]["metadata"]["finalizers"] == ["a/b", FINALIZER]
    bench.plan = lambda _observed: Plan((SetFinalizer(present=False),) if has() else ())
    bench.engine.reconciler._memories.clear()
    await bench.reconcile()
    assert bench.api.objects[CLUSTER]["metadata"]["finalizers"] == ["a/b"]
    assert bench.written.count("PATCH PBACluster/shop") == 2


async def test_a_finalizer_that_another_writer_races_for_is_set_all_the_same(bench: Bench) -> None:
    has = lambda: FINALIZER in bench.api.objects[CLUSTER]["metadata"].get("finalizers", ())  # noqa: E731
    bench.plan = lambda _observed: Plan(() if has() else (SetFinalizer(present=True),))

    def race(verb: str, _at: Address) -> None:
        if verb == "PATCH":
            bench.api.before = lambda _verb, _at: None
            bench.api.patch_as("user", CLUSTER, {"metadata": {"labels": {"x": "y"}}})

    bench.api.before = race
    await bench.reconcile()
    assert has()


async def test_with_its_last_finalizer_a_deleted_cluster_is_gone(bench: Bench) -> None:
    bench.api.patch_as("user", CLUSTER, {"metadata": {"finalizers": [FINALIZER]}})
    bench.api.delete_as(CLUSTER)
    bench.see_events()
    bench.plan = lambda _observed: Plan((SetFinalizer(present=False),))
    assert await bench.reconcile() == Outcome("gone")
    assert bench.written == ["PATCH PBACluster/shop"]
    assert CLUSTER not in bench.api.objects


async def test_the_next_look_is_when_the_plan_says(bench: Bench) -> None:
    bench.plan = lambda _observed: Plan((), requeue_after=15)
    assert (await bench.reconcile()).again_after == 15


async def test_a_plan_that_never_ends_is_given_up_and_tried_again(bench: Bench) -> None:
    count = 0

    def plan(_observed: Observed) -> Plan:
        nonlocal count
        count += 1
        return Plan((Apply(config_map(k=str(count))),))

    bench.plan = plan
    outcome = await bench.reconcile()
    assert outcome == Outcome("refused", retry=True)
    assert len(bench.written) < 20


async def test_a_status_that_the_server_alters_is_not_written_again_and_again(bench: Bench) -> None:
    bench.status = {"conditions": [], "unknown": "pruned"}

    def prune(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "PBACluster":
            bench.api.objects[at]["status"].pop("unknown", None)

    original = bench.api.apply_as

    def apply_as(manager: str, manifest: Manifest, subresource: str = "") -> Manifest:
        pruned = {**manifest}
        if subresource:
            pruned["status"] = {
                name: value for name, value in manifest["status"].items() if name != "unknown"
            }
        return original(manager, pruned, subresource)

    bench.api.apply_as = apply_as  # type: ignore[method-assign]
    await bench.reconcile()
    bench.engine.reconciler._memories[KEY].settled = None
    await bench.reconcile()
    assert bench.written == [STATUS]


async def test_a_cluster_that_is_replaced_before_its_status_is_written_gets_none_of_the_old_one(
    bench: Bench,
) -> None:
    def replace(verb: str, at: Address) -> None:
        if verb == "APPLY" and at.kind == "PBACluster":
            bench.api.before = lambda _verb, _at: None
            bench.api.delete_as(CLUSTER)
            bench.api.create_as("user", manifest_of(paused=True))

    bench.api.before = replace
    outcome = await bench.reconcile()
    assert outcome.again_after == 0.0
    assert "status" not in bench.api.objects[CLUSTER]
    assert await bench.reconcile() == Outcome("changed")
    assert "status" in bench.api.objects[CLUSTER]


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


async def test_a_line_is_logged_only_if_something_was_done(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.wants(Apply(config_map(k="secret-content")))
    with caplog.at_level(logging.INFO):
        await bench.reconcile()
        await bench.reconcile()
    (record,) = [found for found in caplog.records if found.message == "reconciled"]
    told = record.__dict__
    assert told["cluster"] == "default/shop"
    assert told["actions"] == ["Apply ConfigMap/shop-a"]
    assert told["status"] == "written"
    assert "secret-content" not in str(told)
