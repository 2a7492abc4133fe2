"""A watch that tells something while the API server is asked: its answer is no news then, but the plan is old.

Bug class: stale state (Sieve).
"""

from __future__ import annotations

from dataclasses import replace

from pba_simulation.bench import CLUSTER, MAP, Bench, address, config_map

from pba_api.identity import LABEL_CLUSTER
from pba_operator.domain.cluster import Invalid
from pba_operator.domain.model import Apply, ChildId, Cluster, Delete, Observed, Plan
from pba_operator.kube.store import Address


async def test_what_a_watch_tells_while_the_cluster_is_read_is_not_passed_over(bench: Bench) -> None:
    def overtake(verb: str, target: Address) -> None:
        if (verb, target) == ("GET", CLUSTER):
            bench.api.patch_as("user", CLUSTER, {"spec": {"paused": True}})
            bench.see_events()

    def plan(cluster: Cluster | Invalid, observed: Observed) -> Plan:
        assert isinstance(cluster, Cluster)
        wanted = config_map(paused=str(cluster.spec.paused))
        live = observed.children.get(MAP)
        return Plan() if live and live["data"] == wanted["data"] else Plan((Apply(wanted),))

    bench.engine.reconciler._domain = replace(bench.engine.reconciler._domain, plan=plan)
    bench.api.before = overtake
    await bench.reconcile()
    assert bench.api.objects[address(MAP)]["data"] == {"paused": "True"}
    assert bench.written.count("APPLY ConfigMap/shop-a") == 1


async def test_what_a_watch_tells_while_everything_is_listed_saves_what_was_to_be_destroyed(
    bench: Bench,
) -> None:
    bench.api.create_as("us", config_map())
    bench.see_events()
    uid = bench.api.objects[address(MAP)]["metadata"]["uid"]
    bench.plan = lambda observed: Plan((Delete(MAP, uid),)) if len(observed.children) == 1 else Plan()

    def overtake(verb: str, target: Address) -> None:
        if (verb, target.kind) == ("LIST", "ConfigMap"):
            bench.api.create_as("us", config_map("shop-b"))
            bench.see_events()

    bench.api.before = overtake
    await bench.reconcile()
    assert "DELETE ConfigMap/shop-a" not in bench.written


async def test_what_was_found_to_be_somebody_else_s_is_ours_once_a_watch_tells_so(bench: Bench) -> None:
    other = ChildId("ConfigMap", "shop-b")
    bench.api.create_as("us", config_map(label=False))
    labels: list[str | None] = []

    def plan(observed: Observed) -> Plan:
        if MAP in observed.children:
            labels.append(observed.children[MAP]["metadata"]["labels"].get(LABEL_CLUSTER))
        missing = [child for child in (MAP, other) if child not in observed.children]
        return Plan(tuple(Apply(config_map(child.name)) for child in missing))

    def overtake(verb: str, target: Address) -> None:
        if (verb, target) == ("APPLY", address(other)):
            bench.api.patch_as("user", address(MAP), {"metadata": {"labels": {LABEL_CLUSTER: "shop"}}})
            bench.see_events()

    bench.plan = plan
    bench.api.before = overtake
    await bench.reconcile()
    assert labels == [None, "shop"]
