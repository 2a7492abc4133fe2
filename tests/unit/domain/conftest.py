"""The planner's tests: a world in memory, and PBAClusters to plan for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pba_simulation.belief import SYNC_IMAGE, World, raw

from pba_operator.domain.cluster import read
from pba_operator.domain.frontend import SyncImage
from pba_operator.domain.model import Cluster, Manifest


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cluster() -> Callable[..., Cluster]:
    """Return a maker of PBAClusters: `cluster("shop", backend={...}, metadata={...})`."""

    def make(name: str = "shop", **changes: Any) -> Cluster:
        made = read(raw(name, **changes))
        assert isinstance(made, Cluster)
        return made

    return make


@pytest.fixture
def whole(cluster: Callable[..., Cluster]) -> Cluster:
    """Return a PBACluster with everything in it."""
    return cluster(backend={}, frontend={"image": "haproxy:3.0.11"})


@pytest.fixture
def changed() -> Callable[..., Cluster]:
    """Return a function that gives a PBACluster with other fields (of `Cluster`)."""

    def change(cluster: Cluster, **fields: Any) -> Cluster:
        return replace(cluster, **fields)

    return change


@pytest.fixture
def sync() -> SyncImage:
    return SYNC_IMAGE


@pytest.fixture(name="raw")
def raw_maker() -> Callable[..., Manifest]:
    return raw


@pytest.fixture
def new_world() -> Callable[[], World]:
    return World
