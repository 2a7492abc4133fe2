"""Clusters of their own for these tests, beside whatever else runs on the machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pba_hack.cluster.trial import TrialCluster, trial_cluster


@pytest.fixture
def cluster() -> Iterator[TrialCluster]:
    """A cluster that is not up yet."""
    with trial_cluster() as fresh:
        yield fresh


@pytest.fixture(scope="session")
def running() -> Iterator[TrialCluster]:
    """A cluster with two nodes, for all tests that leave it as it is."""
    with trial_cluster() as fresh:
        fresh.run("up", "--nodes", "2")
        yield fresh
