"""Clusters of different checkouts have different names, and names can stand in paths and groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.cluster import names
from pba_hack.cluster.errors import ClusterError


@pytest.fixture(autouse=True)
def outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PBA_CLUSTER", raising=False)


def test_two_checkouts_of_one_name_have_two_clusters() -> None:
    one, two = names.default(Path("/a/main")), names.default(Path("/b/main"))
    assert one != two
    assert one.startswith("main-")
    assert names.default(Path("/a/main")) == one


@pytest.mark.parametrize("folder", ["UPPER Case_Ünï", "-", "x" * 200, "1.2.3"])
def test_every_path_gives_a_valid_name(folder: str) -> None:
    name = names.default(Path("/") / folder)
    assert names.checked(name) == name


def test_inside_of_exec_the_same_cluster_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBA_CLUSTER", "outer")
    assert names.default(Path("/a/main")) == "outer"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "-a", "a-", "a" * 31, "a b"])
def test_what_cannot_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="cannot be a cluster's name"):
        names.checked(name)
