"""Fixtures of the tests on real nodes; a conftest takes those that it wants by importing them.

The tests run inside the cluster's network (`hack/cluster exec`). `PBA_IMAGES` (JSON: image name to reference) says
what `hack/test` built and loaded.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pba_hack.helm import OPERATOR_NAMESPACE, install_operator
from pba_hack.kubectl import Kubectl, restricted_namespace
from pba_nodes.faults import Faults

Json = dict[str, Any]


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """Return the references of the images that the nodes hold."""
    known: dict[str, str] = json.loads(os.environ["PBA_IMAGES"])
    return known


@pytest.fixture(scope="session")
def operator(images: dict[str, str]) -> Kubectl:
    """Install the operator as the README says; return kubectl in its namespace."""
    install_operator(images)
    return Kubectl(OPERATOR_NAMESPACE)


@pytest.fixture
def namespace() -> Iterator[Kubectl]:
    """Return kubectl in a fresh namespace that enforces the restricted Pod Security Standard."""
    yield from fresh_namespace()


@pytest.fixture(scope="module")
def module_namespace() -> Iterator[Kubectl]:
    """Return kubectl in a namespace that the tests of one module share."""
    yield from fresh_namespace()


@pytest.fixture(scope="session")
def shared_namespace() -> Iterator[Kubectl]:
    """Return kubectl in the namespace of the PBACluster that the tests share."""
    yield from fresh_namespace()


def fresh_namespace() -> Iterator[Kubectl]:
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    yield restricted_namespace(name)
    # A namespace on its way out waits for the grace periods of all pods first: ours go sooner by themselves.
    Kubectl(name)("delete", "pbacluster", "--all", "--wait=false")
    Kubectl()("delete", "namespace", name, "--wait=false")


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Return the faults of one test, undone at its end."""
    made = Faults()
    yield made
    made.end_all()


@pytest.fixture(scope="session")
def manifest(images: dict[str, str]) -> Callable[..., Json]:
    """Return a maker of PBAClusters that start and stop fast: `manifest(name, frontend=..., ...)`."""

    def make(name: str, *, cluster: bool = True, **spec: Any) -> Json:
        whole: Json = {
            "deletionPolicy": "Delete",
            "application": {
                "image": images["demoapp"],
                "terminationGracePeriodSeconds": 10,
                "probes": {"startup": {"path": "/healthz", "periodSeconds": 1, "failureThreshold": 120}},
            },
            "database": {
                "image": images["mysql"],
                "storage": {"size": "1Gi"},
                "config": {"innodb_buffer_pool_size": "64M"},
            },
        }
        if cluster:
            whole["backend"] = {"replicas": 2, "drainTimeoutSeconds": 3}
            whole["frontend"] = {"image": images["haproxy"], "replicas": 2}
        merge(whole, spec)
        return {
            "apiVersion": "pba.dev/v1alpha1",
            "kind": "PBACluster",
            "metadata": {"name": name},
            "spec": whole,
        }

    return make


def merge(base: Json, changes: Json) -> None:
    """Merge `changes` into `base`, objects key by key."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
