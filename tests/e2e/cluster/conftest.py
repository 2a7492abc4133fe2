"""Clusters of their own for these tests, beside whatever else runs on the machine."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from pba_nodes.evidence import folder

from pba_hack.cluster.trial import TrialCluster, trial_cluster


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the logs of the clusters that a failed test has used, and say where."""
    report = yield
    if report.failed and report.when == "call" and isinstance(item, pytest.Function):
        for name, cluster in item.funcargs.items():
            if isinstance(cluster, TrialCluster):
                done = cluster.run("logs", str(folder(item) / name), check=False)
                report.sections.append(("the cluster when it failed", done.stdout + done.stderr))
    return report


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
