"""The Secret with the seed of the ticket keys: made once, marked, made anew if it is of no use, gone without TLS."""

from __future__ import annotations

from typing import Any

from pba_simulation.belief import World, raw
from pba_simulation.children import certificate

from pba_api.identity import LABEL_COMPONENT
from pba_operator.domain import frontend
from pba_operator.domain.cluster import read
from pba_operator.domain.model import ChildId, Cluster, Delete, Generate, Generator, Observed
from pba_operator.mysql.material import Material

SECRET = ChildId("Secret", "shop-frontend-tickets")
TLS = {"secretRefs": [{"name": "shop-tls"}]}


def cluster(tls: dict[str, Any] | None = None, **more: Any) -> Cluster:
    shop = {"image": "haproxy:3.0.11", **({"tls": tls} if tls else {})}
    found = read(raw(backend={}, frontend=shop, **more))
    assert isinstance(found, Cluster)
    return found


def world() -> World:
    made = World()
    made.references = {ChildId("Secret", "shop-tls"): certificate()}
    return made


def test_it_is_made_before_the_pods_that_mount_it() -> None:
    (made,) = frontend.actions(cluster(TLS), Observed())
    assert isinstance(made, Generate)
    assert (ChildId.of(made.manifest), made.generator) == (SECRET, Generator.TICKET_SEED)
    assert frontend.actions(cluster(), Observed()) == []
    living = world()
    living.settle(cluster(TLS))
    order = list(living.children)
    assert order.index(SECRET) < order.index(ChildId("Deployment", "shop-frontend"))


def test_its_seed_cannot_be_guessed() -> None:
    made = Generate({"metadata": {"name": "x"}}, Generator.TICKET_SEED)
    seeds = {Material().make(made, None)["seed"] for _ in range(20)}
    assert len(seeds) == 20
    assert min(map(len, seeds)) >= 32


def test_it_keeps_its_content_and_its_marks() -> None:
    living = world()
    living.settle(cluster(TLS))
    seed = living.children[SECRET]["data"]["seed"]
    living.children[SECRET]["metadata"]["labels"] |= {LABEL_COMPONENT: "nobody"}
    marked = cluster(TLS, childMetadata={"labels": {"cost": "42"}})
    living.settle(marked)
    labels = living.children[SECRET]["metadata"]["labels"]
    assert (labels[LABEL_COMPONENT], labels["cost"]) == ("frontend", "42")
    assert living.children[SECRET]["data"]["seed"] == seed


def test_one_without_a_seed_is_made_anew() -> None:
    living = world()
    living.settle(cluster(TLS))
    del living.children[SECRET]["data"]["seed"]
    (deleted,) = frontend.actions(cluster(TLS), living.observed)
    assert deleted == Delete(SECRET, living.children[SECRET]["metadata"]["uid"])
    living.settle(cluster(TLS))
    assert living.children[SECRET]["data"]["seed"]


def test_one_of_somebody_elses_is_left_alone() -> None:
    foreign = {"kind": "Secret", "metadata": {"name": SECRET.name, "uid": "theirs"}, "data": {}}
    assert frontend.actions(cluster(TLS), Observed(children={SECRET: foreign})) == []


def test_it_goes_with_tls() -> None:
    living = world()
    living.settle(cluster(TLS))
    assert SECRET in living.children
    living.settle(cluster())
    assert SECRET not in living.children
