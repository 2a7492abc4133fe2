"""Deletion while creating, while Ready and while stalled, by either policy; and what was kept is found again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from pba_hack.kubectl import Kubectl, wait_for
from pba_hack.traffic import Client, Tally
from pba_hack.traffic.address import clients_address
from pba_hack.traffic.shopper import Account

Json = dict[str, Any]

pytestmark = pytest.mark.usefixtures("operator")


def _leftovers(namespace: Kubectl, name: str) -> set[str]:
    kinds = (
        "statefulset,deployment,service,configmap,secret,persistentvolumeclaim,pod,poddisruptionbudget,"
        "networkpolicy"
    )
    return {
        f"{item['kind']}/{item['metadata']['name']}"
        for item in namespace.items(kinds, f"pba.dev/cluster={name}")
    }


def _are_left(namespace: Kubectl, name: str, expected: set[str]) -> bool:
    return _leftovers(namespace, name) == expected


KEPT = {
    "PersistentVolumeClaim/data-{}-mysql-0",
    "Secret/{}-mysql-admin",
    "Secret/{}-mysql-app",
    "Secret/{}-mysql-ca",
}


def _client(namespace: Kubectl, name: str) -> closing[Client]:
    return closing(Client(clients_address(namespace, name), 80, Tally()))


@pytest.mark.timeout(600)
def test_kept_data_is_back_under_the_same_name_and_deleted_data_is_not(
    namespace: Kubectl, manifest: Callable[..., Json]
) -> None:
    namespace.apply(manifest("books", cluster=False, deletionPolicy="Retain"))
    namespace.wait_ready("books")
    with _client(namespace, "books") as client:
        account = Account.sign_up(client)
    namespace("delete", "pbacluster", "books", "--timeout=60s")
    expected = {entry.format("books") for entry in KEPT}
    wait_for("only the kept set to be left", lambda: _leftovers(namespace, "books") == expected)

    namespace.apply(manifest("books", cluster=False))
    namespace.wait_ready("books")
    with _client(namespace, "books") as client:
        assert account.can_log_in(client)
    claim = namespace.get("pvc", "data-books-mysql-0")
    found = namespace.get("pbacluster", "books")
    assert claim is not None
    assert found is not None
    assert claim["metadata"]["labels"]["pba.dev/cluster-uid"] == found["metadata"]["uid"]

    namespace("delete", "pbacluster", "books", "--timeout=120s")
    wait_for("nothing to be left", lambda: not _leftovers(namespace, "books"))
    namespace.apply(manifest("books", cluster=False))
    namespace.wait_ready("books")
    with _client(namespace, "books") as client:
        assert not account.can_log_in(client)


@pytest.mark.timeout(600)
def test_deletion_while_creating_and_while_stalled_leaves_what_the_policy_says(
    namespace: Kubectl, manifest: Callable[..., Json]
) -> None:
    broken = {"image": "localhost/does-not-exist:1"}
    namespace.apply(
        manifest("creating-dropped", deletionPolicy="Delete"),
        manifest("creating-kept", deletionPolicy="Retain"),
        manifest("stalled-dropped", deletionPolicy="Delete", database=broken),
        manifest("stalled-kept", deletionPolicy="Retain", database=broken),
    )
    for name in ("creating-dropped", "creating-kept"):
        database = f"pba.dev/cluster={name},pba.dev/component=database"
        wait_for("the database's pod", partial(namespace.items, "pods", database))
        namespace("delete", "pbacluster", name, "--timeout=120s")
    for name in ("stalled-dropped", "stalled-kept"):
        wait_for("a verdict", partial(namespace.condition, name, "Stalled"))
        namespace("delete", "pbacluster", name, "--timeout=120s")
    for phase in ("creating", "stalled"):
        kept = {entry.format(f"{phase}-kept") for entry in KEPT}
        for name, left in ((f"{phase}-dropped", set()), (f"{phase}-kept", kept)):
            wait_for(
                f"{left or 'nothing'} of {name} to be left",
                partial(_are_left, namespace, name, left),
            )


def test_an_incomplete_kept_set_is_not_touched(namespace: Kubectl, manifest: Callable[..., Json]) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data-half-mysql-0",
            "labels": {
                "pba.dev/cluster": "half",
                "pba.dev/component": "database",
                "pba.dev/cluster-uid": "00000000-0000-0000-0000-000000000000",
            },
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    namespace.apply(foreign, manifest("half", cluster=False))
    entry = wait_for("the verdict", lambda: namespace.condition("half", "Stalled"))
    assert entry["reason"] == "RetainedSetIncomplete"
    assert "data-half-mysql-0" in entry["message"]
    left_alone = namespace.get("pvc", "data-half-mysql-0")
    assert left_alone is not None
    assert left_alone["metadata"]["labels"]["pba.dev/cluster-uid"].startswith("00000000")
    assert namespace.get("statefulset", "half-mysql") is None
    # The operator makes a claim of this name as soon as the other is gone. A kubectl that waits for that, and begins to
    # watch between the two, waits for the new one's end (seen with 1.35.4).
    namespace("delete", "pvc", "data-half-mysql-0", "--wait=false")
    namespace.wait_ready("half")
    made = namespace.get("pvc", "data-half-mysql-0")
    assert made is not None
    assert made["metadata"]["uid"] != left_alone["metadata"]["uid"]
