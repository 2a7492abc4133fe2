from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pba_api.identity import ANNOTATION_HASH
from pba_operator.domain.drift import differs, stamp

Manifest = dict[str, Any]


def deployment() -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "shop-backend",
            "namespace": "default",
            "labels": {"pba.dev/cluster": "shop"},
            "ownerReferences": [
                {"apiVersion": "pba.dev/v1alpha1", "kind": "PBACluster", "name": "shop", "uid": "u"}
            ],
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"pba.dev/cluster": "shop"}},
            "template": {
                "metadata": {"labels": {"pba.dev/cluster": "shop"}, "annotations": {}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "containers": [
                        {
                            "name": "application",
                            "image": "shop:1",
                            "args": ["--a", "--b"],
                            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                            "ports": [{"name": "http", "containerPort": 8080}],
                            "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
                            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                        }
                    ],
                    "tolerations": [{"key": "a", "operator": "Exists"}],
                    "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
                },
            },
        },
    }


def policy() -> Manifest:
    ours = {"matchLabels": {"pba.dev/cluster": "shop"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "shop-mysql", "namespace": "default"},
        "spec": {
            "podSelector": ours,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": ours}], "ports": [{"port": 3306, "protocol": "TCP"}]}],
            "egress": [{"to": [], "ports": [{"port": 53, "protocol": "UDP"}]}],
        },
    }


def _stored_policy() -> Manifest:
    """Return it as the API server keeps it: without what is empty."""
    live = copy.deepcopy(stamp(policy()))
    del live["spec"]["egress"][0]["to"]
    return live


@pytest.mark.parametrize(
    "open_it",
    [
        lambda spec: spec["ingress"][0]["ports"][0].update(endPort=65535),
        lambda spec: spec["ingress"][0].pop("from"),
        lambda spec: spec["ingress"][0]["from"].append({"podSelector": {}}),
        lambda spec: spec["ingress"].append({}),
        lambda spec: spec["egress"].append({}),
        lambda spec: spec["egress"][0].update(to=[{"podSelector": {}}]),
        lambda spec: spec["policyTypes"].pop(),
        lambda spec: spec["podSelector"].update(matchExpressions=[{"key": "a", "operator": "Exists"}]),
    ],
)
def test_whatever_somebody_adds_to_a_network_policy_is_noticed(open_it: Any) -> None:
    live = _stored_policy()
    assert not differs(live, stamp(policy()))
    open_it(live["spec"])
    assert differs(live, stamp(policy()))


def test_a_rule_where_there_shall_be_none_is_noticed() -> None:
    closed = policy()
    closed["spec"]["ingress"] = []
    live = copy.deepcopy(stamp(closed))
    del live["spec"]["ingress"]
    assert not differs(live, stamp(closed))
    live["spec"]["ingress"] = [{}]
    assert differs(live, stamp(closed))


def as_served(manifest: Manifest) -> Manifest:
    """Fill in and rewrite as an API server does."""
    live = copy.deepcopy(manifest)
    live["metadata"] |= {"uid": "1", "resourceVersion": "7", "generation": 1}
    live["spec"]["progressDeadlineSeconds"] = 600
    live["status"] = {"replicas": 2}
    template = live["spec"]["template"]
    del template["metadata"]["annotations"]
    template["spec"]["dnsPolicy"] = "ClusterFirst"
    container = template["spec"]["containers"][0]
    container["terminationMessagePath"] = "/dev/termination-log"
    container["ports"][0]["protocol"] = "TCP"
    container["resources"]["limits"] = {"cpu": "500m", "memory": "1Gi"}
    template["spec"]["volumes"][0]["emptyDir"]["sizeLimit"] = "1024Mi"
    return live


@pytest.fixture
def wanted() -> Manifest:
    return stamp(deployment())


@pytest.fixture
def live(wanted: Manifest) -> Manifest:
    return as_served(wanted)


def container(manifest: Manifest) -> Manifest:
    found: Manifest = manifest["spec"]["template"]["spec"]["containers"][0]
    return found


def test_an_object_as_the_server_answers_it_does_not_differ(wanted: Manifest, live: Manifest) -> None:
    assert not differs(live, wanted)


def test_what_is_not_there_differs(wanted: Manifest) -> None:
    assert differs(None, wanted)


def test_a_field_that_left_the_manifest_makes_a_difference(live: Manifest) -> None:
    without = deployment()
    del container(without)["args"]
    assert differs(live, stamp(without))


def test_a_stamp_does_not_change_its_argument_and_stamping_twice_is_stamping_once() -> None:
    original = deployment()
    once = stamp(original)
    assert original == deployment()
    assert stamp(once) == once
    assert len(once["metadata"]["annotations"][ANNOTATION_HASH]) == 32


def test_the_address_of_an_object_is_no_part_of_its_hash() -> None:
    addressed = deployment()
    addressed["metadata"] |= {"uid": "1", "resourceVersion": "7"}
    assert stamp(addressed)["metadata"]["annotations"] == stamp(deployment())["metadata"]["annotations"]


def test_the_hash_does_not_depend_on_the_order_in_which_a_manifest_was_written() -> None:
    backwards = dict(reversed(deployment().items()))
    backwards["metadata"] = dict(reversed(backwards["metadata"].items()))
    assert stamp(backwards)["metadata"]["annotations"] == stamp(deployment())["metadata"]["annotations"]


def test_the_hash_is_what_it_has_always_been() -> None:
    """An operator that hashes in another way writes every object of every PBACluster anew at its start."""
    annotated = {"name": "a", "annotations": {"b": "c"}, "labels": {"d": "e"}}
    stamped = stamp({"kind": "ConfigMap", "metadata": annotated, "data": {"f": "g"}})
    assert stamped["metadata"]["annotations"] == {
        "b": "c",
        ANNOTATION_HASH: "f57833e21d4c8cd104a69281291cae01",
    }


def _set(path: tuple[Any, ...], value: Any) -> Any:
    def edit(manifest: Manifest) -> None:
        target: Any = manifest
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return edit


def _drop(*path: Any) -> Any:
    def edit(manifest: Manifest) -> None:
        target: Any = manifest
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return edit


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)


@pytest.mark.parametrize(
    "edit",
    [
        _set(("metadata", "labels"), {}),
        _drop("metadata", "labels"),
        _drop("metadata", "ownerReferences"),
        _set(("metadata", "ownerReferences"), []),
        _drop("metadata", "annotations"),
        _set(("spec", "replicas"), 3),
        _set(("spec", "replicas"), True),
        _drop("spec", "replicas"),
        _set(("spec", "selector", "matchLabels", "more"), "x"),
        _set((*POD, "automountServiceAccountToken"), True),
        _drop(*POD, "automountServiceAccountToken"),
        _set((*POD, "containers"), []),
        _set((*POD, "tolerations", 0, "operator"), "Equal"),
        _set((*POD, "tolerations"), [{"key": "b"}, {"key": "a", "operator": "Exists"}]),
        _drop(*POD, "tolerations"),
        _set((*POD, "volumes", 0), {"name": "scratch", "hostPath": {"path": "/"}}),
        _set((*POD, "volumes", 0, "emptyDir"), {"sizeLimit": "2Gi"}),
        _set((*CONTAINER, "image"), "shop:2"),
        _set((*CONTAINER, "args"), ["--b", "--a"]),
        _set((*CONTAINER, "env", 0, "value"), "2"),
        _drop(*CONTAINER, "env", 1),
        _set((*CONTAINER, "ports", 0, "containerPort"), 8081),
        _set((*CONTAINER, "resources", "limits", "cpu"), "501m"),
        _drop(*CONTAINER, "resources", "limits", "memory"),
        _set((*CONTAINER, "resources"), {}),
        _set((*CONTAINER, "env"), "not a list"),
        _set(CONTAINER[:-1], [None]),
        _set(("spec", "template"), None),
        _set(("spec", "selector"), []),
    ],
)
def test_every_edit_of_what_is_ours_makes_a_difference(wanted: Manifest, live: Manifest, edit: Any) -> None:
    edit(live)
    assert differs(live, wanted)


@pytest.mark.parametrize(
    "edit",
    [
        _set(("metadata", "labels", "theirs"), "x"),
        _set(("metadata", "annotations", "theirs"), "x"),
        _set((*CONTAINER, "env"), [{"name": "X"}, {"name": "B", "value": "2"}, {"name": "A", "value": "1"}]),
        _set((*POD, "securityContext"), {}),
        _set((*CONTAINER, "resources", "limits", "cpu"), "0.5"),
        _set((*CONTAINER, "resources", "limits", "memory"), "1073741824"),
    ],
)
def test_what_others_add_beside_is_left_alone(wanted: Manifest, live: Manifest, edit: Any) -> None:
    edit(live)
    assert not differs(live, wanted)


def test_a_sidecar_put_in_front_does_not_hide_our_container(wanted: Manifest, live: Manifest) -> None:
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "mesh"})
    assert not differs(live, wanted)


def test_ports_of_a_service_are_found_by_port_and_protocol() -> None:
    service = stamp(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "shop"},
            "spec": {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}], "selector": {"a": "b"}},
        }
    )
    live = copy.deepcopy(service)
    live["spec"]["ports"] = [{"port": 53, "protocol": "TCP", "nodePort": 3}, {"port": 53, "protocol": "UDP"}]
    assert not differs(live, service)
    live["spec"]["selector"]["c"] = "d"
    assert differs(live, service)


def test_a_reference_is_one_value_apart_from_what_the_server_fills_in() -> None:
    sources = [{"secretKeyRef": {"name": "a", "key": "b"}}, {"fieldRef": {"fieldPath": "status.podIP"}}]
    env = [{"name": f"N{number}", "valueFrom": source} for number, source in enumerate(sources)]
    wanted = stamp(
        {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "env": env}]}}
    )
    live = copy.deepcopy(wanted)
    secret, field = (item["valueFrom"] for item in live["spec"]["containers"][0]["env"])
    field["fieldRef"]["apiVersion"] = "v1"
    assert not differs(live, wanted)
    secret["secretKeyRef"]["optional"] = True
    assert differs(live, wanted)


def test_within_a_list_that_is_one_value_nothing_is_matched_by_keys() -> None:
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 443, "protocol": "TCP"}]
    wanted = stamp({"kind": "X", "metadata": {"name": "a"}, "spec": {"rules": [{"ports": ports}]}})
    assert not differs({**wanted, "spec": {"rules": [{"ports": ports}]}}, wanted)
    assert differs({**wanted, "spec": {"rules": [{"ports": ports[::-1]}]}}, wanted)
    assert differs(
        {**wanted, "spec": {"rules": [{"ports": [*ports, {"port": 1, "protocol": "TCP"}]}]}}, wanted
    )
    assert differs({**wanted, "spec": {"rules": [{"ports": ports}, {}]}}, wanted)


def test_a_finalizer_among_others_is_found() -> None:
    wanted = stamp({"kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["pba.dev/cleanup"]}})
    assert not differs(
        {**wanted, "metadata": {**wanted["metadata"], "finalizers": ["b", "pba.dev/cleanup"]}}, wanted
    )
    assert differs({**wanted, "metadata": {**wanted["metadata"], "finalizers": ["b"]}}, wanted)


def test_string_data_of_a_secret_comes_back_encoded() -> None:
    wanted = stamp(
        {"kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": "v"}, "data": {"b": "Yg=="}}
    )
    live = {"kind": "Secret", "metadata": wanted["metadata"], "data": {"k": "dg==", "b": "Yg=="}}
    assert not differs(live, wanted)
    for edited in ({"k": "dw==", "b": "Yg=="}, {"k": "dg==", "b": "Yw=="}, {"k": "dg=="}):
        assert differs({**live, "data": edited}, wanted)
    assert differs({**live, "kind": "ConfigMap"}, wanted)


def test_string_data_alone_comes_back_encoded() -> None:
    wanted = stamp({"kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": "v"}})
    live = {"kind": "Secret", "metadata": wanted["metadata"], "data": {"k": "dg=="}}
    assert not differs(live, wanted)
    assert differs({**live, "data": {}}, wanted)


def test_an_empty_map_of_texts_that_the_server_dropped_is_no_difference() -> None:
    volume = {"name": "v", "csi": {"driver": "d.example", "volumeAttributes": {}}}
    manifest = {"metadata": {"name": "a"}, "spec": {"volumes": [volume]}}
    live = {"metadata": {"name": "a"}, "spec": {"volumes": [{"name": "v", "csi": {"driver": "d.example"}}]}}
    assert not differs(live, manifest)


def test_an_empty_list_or_null_that_the_server_dropped_is_no_difference() -> None:
    wanted = stamp({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"tolerations": [], "affinity": None}})
    assert not differs({**wanted, "spec": {}}, wanted)
    assert differs({**wanted, "spec": {"tolerations": [{"key": "a"}]}}, wanted)


def test_a_zero_that_the_server_dropped_is_no_difference_where_it_says_nothing() -> None:
    spec = {"publishNotReadyAddresses": False, "initialDelaySeconds": 0, "value": ""}
    wanted = stamp({"kind": "Service", "metadata": {"name": "a"}, "spec": spec})
    assert not differs({**wanted, "spec": {}}, wanted)
    assert differs({**wanted, "spec": {"publishNotReadyAddresses": True}}, wanted)


@pytest.mark.parametrize(("field", "zero"), [("optional", False), ("runAsUser", 0), ("storageClassName", "")])
def test_a_zero_that_says_something_must_be_there(field: str, zero: Any) -> None:
    wanted = stamp({"kind": "Pod", "metadata": {"name": "a"}, "spec": {field: zero}})
    assert not differs({**wanted, "spec": {field: zero}}, wanted)
    assert differs({**wanted, "spec": {}}, wanted)


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=4))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(TREES)
def test_what_was_stored_as_it_was_sent_never_differs(spec: Any) -> None:
    wanted = stamp({"kind": "ConfigMap", "metadata": {"name": "a"}, "spec": spec})
    assert not differs(copy.deepcopy(wanted), wanted)


@given(TREES, TREES)
def test_two_manifests_that_say_different_things_always_differ(one: Any, other: Any) -> None:
    first = stamp({"kind": "ConfigMap", "metadata": {"name": "a"}, "spec": one})
    second = stamp({"kind": "ConfigMap", "metadata": {"name": "a"}, "spec": other})
    same = first["metadata"]["annotations"] == second["metadata"]["annotations"]
    assert differs(first, second) == (not same)
