"""An operator that was installed for one namespace: the rights that it has there are all that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pba_nodes import operators

from pba_hack.helm import install_operator
from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]


@pytest.fixture
def without_the_other(operator: Kubectl) -> Iterator[None]:
    """Take the operator of all namespaces down for a time: no namespace may be served by two."""
    operator("scale", "deployment/pba-operator", "--replicas=0")
    wait_for("the operator to be gone", lambda: not operator.items("pods", operators.SELECTOR))
    yield
    operator("scale", "deployment/pba-operator", "--replicas=1")
    operator("rollout", "status", "deployment/pba-operator", "--timeout=90s")


@pytest.mark.usefixtures("without_the_other")
def test_the_rights_in_one_namespace_do(
    namespace: Kubectl, module_namespace: Kubectl, manifest: Callable[..., Json], images: dict[str, str]
) -> None:
    log = operators.audit_log()
    install_operator(images, namespace.namespace, only_there=True)
    module_namespace.apply(manifest("foreign", cluster=False))
    namespace.apply(manifest("modest"))
    namespace.wait_ready("modest")
    namespace("scale", "pbacluster/modest", "--replicas=3")
    namespace.wait_ready("modest")
    namespace("delete", "pbacluster", "modest", "--timeout=120s")
    asked = [
        entry
        for entry in log.entries()
        if entry["user"]["username"] == f"system:serviceaccount:{namespace.namespace}:pba-operator"
    ]
    assert asked, "the audit log does not show what the operator asks"
    refused = [
        (entry["verb"], entry["requestURI"])
        for entry in asked
        if entry.get("responseStatus", {}).get("code") == 403
    ]
    assert refused == []
    foreign = module_namespace.get("pbacluster", "foreign")
    assert foreign is not None
    assert "conditions" not in foreign.get("status", {})
    assert module_namespace.items("statefulsets") == []
