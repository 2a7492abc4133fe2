"""The operator on real nodes: installed by its chart, driven by kubectl, loaded by clients that never retry.

One PBACluster with everything in it serves all tests that leave it as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pba_nodes.evidence import pytest_runtest_makereport
from pba_nodes.fixtures import (
    faults,
    images,
    manifest,
    module_namespace,
    namespace,
    operator,
    shared_namespace,
)

from pba_hack.helm import OPERATOR_NAMESPACE
from pba_hack.kubectl import Kubectl
from pba_hack.traffic.address import clients_address

__all__ = [
    "faults",
    "images",
    "manifest",
    "module_namespace",
    "namespace",
    "operator",
    "pytest_runtest_makereport",
    "shared_namespace",
]

Json = dict[str, Any]


@pytest.fixture(scope="session")
def first_pods() -> list[Json]:
    """Return the pods of `shop` as they were when it was Ready for the first time (after `shop` was asked for)."""
    return []


@pytest.fixture(scope="session")
def shop(
    operator: Kubectl, shared_namespace: Kubectl, manifest: Callable[..., Json], first_pods: list[Json]
) -> Kubectl:
    """Return kubectl in the namespace of a PBACluster `shop`, with everything in it and Ready."""
    assert operator.namespace == OPERATOR_NAMESPACE
    shared_namespace.apply(manifest("shop"))
    shared_namespace.wait_ready("shop")
    first_pods.extend(shared_namespace.items("pods", "pba.dev/cluster=shop"))
    return shared_namespace


@pytest.fixture
def restored(shop: Kubectl) -> Iterator[None]:
    """Take back, if a test ends early, what it has asked of `shop`: the next one finds it as it was."""
    before = _spec(shop)
    yield
    if _spec(shop) != before:
        shop.patch("pbacluster", "shop", {"op": "replace", "path": "/spec", "value": before})
        shop.wait_ready("shop")


def _spec(shop: Kubectl) -> Json:
    found = shop.get("pbacluster", "shop")
    assert found is not None
    spec: Json = found["spec"]
    return spec


@pytest.fixture
def address(shop: Kubectl) -> str:
    """Return the clients' address of `shop`."""
    return clients_address(shop, "shop")
