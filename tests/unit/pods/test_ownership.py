"""Whose an object is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pba_operator.domain.model import Cluster
from pba_operator.domain.ownership import controller_uid, is_ours, marked_uid, metadata

MakeCluster = Callable[..., Cluster]


def test_a_child_is_owned_and_what_is_kept_is_marked(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(childMetadata={"labels": {"team": "a", "pba.dev/cluster": "forged"}})
    owned = metadata(cluster, "shop-mysql", "database")
    assert owned["ownerReferences"][0]["uid"] == cluster.uid
    assert owned["ownerReferences"][0]["controller"] is True
    assert "annotations" not in owned
    assert owned["labels"]["team"] == "a"
    assert owned["labels"]["pba.dev/cluster"] == "shop"
    kept = metadata(cluster, "shop-mysql-ca", "database", kept=True)
    assert "ownerReferences" not in kept
    assert kept["labels"]["pba.dev/cluster-uid"] == cluster.uid


def test_annotations_for_all_children_are_copied(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(childMetadata={"annotations": {"note": "x"}})
    assert metadata(cluster, "shop", "frontend")["annotations"] == {"note": "x"}


def test_only_this_very_clusters_children_are_ours(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    namesake = replace(cluster, uid="uid-of-an-earlier-one")
    for kept in (True, False):
        child = {"metadata": metadata(cluster, "shop-mysql", "database", kept=kept)}
        assert is_ours(cluster, child)
        assert not is_ours(namesake, child)
    foreign = {"metadata": {"name": "shop-mysql", "labels": None}}
    assert not is_ours(cluster, foreign)
    assert (controller_uid(foreign), marked_uid(foreign)) == ("", "")
    follower = {"metadata": {"ownerReferences": [{"uid": cluster.uid, "controller": False}]}}
    assert not is_ours(cluster, follower)
