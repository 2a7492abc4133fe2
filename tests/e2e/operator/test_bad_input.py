"""Bad input that no schema can refuse: a condition names the object and the remedy, and it heals once corrected.

All bad clusters are made at once, so that they share their waits, beside a good one that gets Ready while they are bad.
That they do not delay it is no matter of a machine's speed: `tests/unit/engine/test_worker.py`, on a clock of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pba_nodes.conditions import History

from pba_hack.kubectl import Kubectl, wait_for

Json = dict[str, Any]
EVIDENCE_SECONDS = 120.0
"""The evidence has to arise first: a pull has to fail, a server has to end."""
TOLD_SECONDS = 60.0
"""From then on."""


@dataclass(frozen=True)
class Bad:
    """A mistake, how it must be told, and its correction (a JSON patch, or an object that was missing)."""

    name: str
    spec: Json
    part: str
    reasons: tuple[str, ...]
    names: str
    """What the message must name."""
    correction: tuple[Json, ...] = ()
    missing: Json | None = None
    squatter: Json | None = None
    evidence: str = ""
    """What the scheduler or the kubelet says of a pod once it is evident; empty: it is so from the beginning."""

    def is_told(self, cluster: Json) -> bool:
        """Tell whether the status of `cluster` says what it must."""
        generation = cluster["metadata"]["generation"]
        found = {
            entry["type"]: entry
            for entry in cluster.get("status", {}).get("conditions", ())
            if entry["observedGeneration"] == generation
        }
        part = found.get(self.part, {})
        return (
            cluster["metadata"]["name"] == self.name
            and "Stalled" in found
            and part.get("status") == "False"
            and part.get("reason") in self.reasons
        )

    def is_evident(self, pod: Json) -> bool:
        """Tell whether `pod` shows the mistake."""
        status = pod.get("status", {})
        containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
        states = [state for entry in containers for state in (entry["state"], entry.get("lastState", {}))]
        said = [of.get("reason") for state in states for of in state.values()]
        conditions = [entry.get("reason") for entry in status.get("conditions", ())]
        mine = pod["metadata"]["labels"].get("pba.dev/cluster") == self.name
        return mine and self.evidence in (*said, *conditions)


def _secret(name: str, key: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {key: "s3cret pass"},
    }


def _replace(path: str, value: Any) -> Json:
    return {"op": "replace", "path": path, "value": value}


def _cases(images: dict[str, str]) -> list[Bad]:
    app, mysql = images["demoapp"], images["mysql"]
    nowhere = "localhost/does-not-exist:1"
    return [
        Bad(
            "app-image",
            {"application": {"image": nowhere}},
            "ManagementReady",
            ("ImagePullFailed",),
            nowhere,
            (_replace("/spec/application/image", app),),
            evidence="ErrImagePull",
        ),
        Bad(
            "db-image",
            {"database": {"image": nowhere}},
            "DatabaseReady",
            ("ImagePullFailed",),
            nowhere,
            (_replace("/spec/database/image", mysql),),
            evidence="ErrImagePull",
        ),
        Bad(
            "front-image",
            {"backend": {"replicas": 1}, "frontend": {"image": nowhere, "replicas": 1}},
            "FrontendReady",
            ("ImagePullFailed",),
            nowhere,
            (_replace("/spec/frontend/image", images["haproxy"]),),
            evidence="ErrImagePull",
        ),
        Bad(
            "no-password",
            {
                "database": {
                    "user": {"name": "app", "passwordSecretRef": {"name": "absent-pw", "key": "password"}}
                }
            },
            "DatabaseReady",
            ("SecretMissing",),
            "absent-pw",
            missing=_secret("absent-pw", "password"),
        ),
        Bad(
            "half-password",
            {
                "database": {
                    "user": {"name": "app", "passwordSecretRef": {"name": "half-pw", "key": "password"}}
                }
            },
            "DatabaseReady",
            ("SecretKeyMissing",),
            "half-pw",
            missing=_secret("half-pw", "password"),
            squatter=_secret("half-pw", "another-key"),
        ),
        Bad(
            "no-volume-source",
            {
                "application": {
                    "volumes": [{"name": "logo", "secret": {"secretName": "absent-logo"}}],
                    "volumeMounts": [{"name": "logo", "mountPath": "/logo"}],
                }
            },
            "ManagementReady",
            ("VolumeSourceMissing",),
            "absent-logo",
            missing=_secret("absent-logo", "logo.svg"),
        ),
        Bad(
            "db-forbidden",
            {"database": {"pod": {"priorityClassName": "absent-class"}}},
            "DatabaseReady",
            ("FailedCreate",),
            "absent-class",
            ({"op": "remove", "path": "/spec/database/pod/priorityClassName"},),
        ),
        Bad(
            "no-env",
            {
                "application": {
                    "env": [
                        {"name": "API", "valueFrom": {"secretKeyRef": {"name": "absent-env", "key": "api"}}},
                    ]
                }
            },
            "ManagementReady",
            ("CreateContainerConfigError",),
            "absent-env",
            missing=_secret("absent-env", "api"),
            evidence="CreateContainerConfigError",
        ),
        Bad(
            "no-template",
            {
                "application": {
                    "configFiles": [
                        {"path": "/etc/app.conf", "templateRef": {"name": "absent-cm", "key": "app.conf"}}
                    ]
                }
            },
            "ManagementReady",
            ("TemplateMissing",),
            "absent-cm",
            missing={
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "absent-cm"},
                "data": {"app.conf": "x=1"},
            },
        ),
        Bad(
            "no-node",
            {"management": {"pod": {"nodeSelector": {"disk": "golden"}}}},
            "ManagementReady",
            ("Unschedulable",),
            "node affinity/selector",
            ({"op": "remove", "path": "/spec/management/pod/nodeSelector"},),
            evidence="Unschedulable",
        ),
        Bad(
            "no-start",
            {"database": {"config": {"innodb_buffer_pool_size": "64M", "no_such_option": "1"}}},
            "DatabaseReady",
            ("CrashLooping",),
            "no_such_option",
            ({"op": "remove", "path": "/spec/database/config/no_such_option"},),
            evidence="Error",
        ),
        Bad(
            "taken",
            {},
            "DatabaseReady",
            ("NameConflict",),
            "taken-mysql-primary",
            squatter={
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "taken-mysql-primary"},
                "spec": {"ports": [{"port": 1}]},
            },
        ),
    ]


@pytest.mark.timeout(900)
def test_every_mistake_is_told_and_heals(
    operator: Kubectl, namespace: Kubectl, manifest: Callable[..., Json], images: dict[str, str]
) -> None:
    del operator
    cases = _cases(images)
    for case in cases:
        if case.squatter is not None:
            namespace.apply(case.squatter)
    with History(namespace, "pods") as pods, History(namespace, "pbaclusters") as clusters:
        began = time.monotonic()
        namespace.apply(*(manifest(case.name, cluster=False, **case.spec) for case in cases))
        namespace.apply(manifest("good", cluster=False))
        namespace.wait_ready("good")
        for case in cases:
            _assert_told_in_time(case, began, pods, clusters)
    left_alone = namespace.get("service", "taken-mysql-primary")
    assert left_alone is not None
    assert "ownerReferences" not in left_alone["metadata"]
    namespace("delete", "service", "taken-mysql-primary")
    for case in cases:
        if case.correction:
            namespace.patch("pbacluster", case.name, *case.correction)
        if case.missing is not None:
            namespace.apply(case.missing)
    for case in cases:
        namespace.wait_ready(case.name, 240)
        assert namespace.condition(case.name, "Stalled") is None, case.name


def _assert_told_in_time(case: Bad, began: float, pods: History, clusters: History) -> None:
    evident = began
    if case.evidence:
        evident = wait_for(
            f"{case.name} to be evident", lambda: pods.first(case.is_evident), EVIDENCE_SECONDS
        ).at
    told = wait_for(f"{case.name} to be told", lambda: clusters.first(case.is_told), TOLD_SECONDS)
    assert told.at - evident <= TOLD_SECONDS, case.name
    found = {entry["type"]: entry for entry in told.what["status"]["conditions"]}
    assert case.names in found[case.part]["message"], found
    assert found["Ready"]["status"] == "False"
    assert case.part in found["Ready"]["message"]


@pytest.mark.timeout(600)
def test_a_volume_that_cannot_bind_is_told_and_heals(
    operator: Kubectl, namespace: Kubectl, manifest: Callable[..., Json]
) -> None:
    del operator
    storage = {"size": "1Gi", "storageClassName": "late"}
    namespace.apply(manifest("no-volume", cluster=False, database={"storage": storage}))

    def told() -> Json | None:
        entry = namespace.condition("no-volume", "DatabaseReady")
        good = entry is not None and entry["reason"] in ("VolumeNotBound", "VolumePending")
        return entry if good and namespace.condition("no-volume", "Stalled") else None

    entry = wait_for("the volume to be told", told, TOLD_SECONDS)
    assert "data-no-volume-mysql-0" in entry["message"]
    assert "late" in entry["message"]
    default = next(
        item
        for item in namespace.items("storageclass")
        if item["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class")
        == "true"
    )
    late = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "late"},
        "provisioner": default["provisioner"],
        "volumeBindingMode": default["volumeBindingMode"],
    }
    namespace.apply(late)
    try:
        namespace.wait_ready("no-volume", 240)
    finally:
        namespace("delete", "pbacluster", "no-volume", "--timeout=120s")
        namespace("delete", "storageclass", "late")
