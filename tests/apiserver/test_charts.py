"""What the charts make is accepted by a real API server, and is what their values ask for."""

from pathlib import Path
from typing import Any

import pytest

from pba_hack.generate.manifests import CHART, KUBERNETES_VERSION, NAMESPACE
from pba_operator.engine.configuration import POD_LABELS

CRDS = Path("helm/pba-operator-crds")
TERM = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]"
VARIANTS = {
    "defaults": (),
    "two operators": ("--set=replicas=2",),
    "some namespaces": ("--set=watchNamespaces={one,two}",),
    "no cluster roles": ("--set=watchNamespaces={one,two}", "--set=aggregateClusterRoles=false"),
    "everything set": (
        "--set=image.digest=sha256:" + "0" * 64,
        "--set=syncImage.tag=1.2.3",
        "--set=imagePullSecrets[0].name=regcred",
        "--set=podAnnotations.a=b",
        "--set=nodeSelector.disk=fast",
        "--set=tolerations[0].key=a,tolerations[0].operator=Exists",
        f"--set={TERM}.key=a,{TERM}.operator=Exists",
        "--set=logLevel=debug",
        "--set=networkPolicy.apiServerCIDRs={192.0.2.1/32,2001:db8::1/128}",
        "--set=networkPolicy.monitoring[0].podSelector.matchLabels.app=prometheus",
    ),
}


@pytest.mark.parametrize("chart", [CHART, CRDS], ids=str)
def test_chart_passes_the_strict_linter(charts: Any, chart: Path) -> None:
    done = charts.helm("lint", "--strict", f"--kube-version={KUBERNETES_VERSION}", chart)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_everything_rendered_is_accepted_by_the_server(charts: Any, options: tuple[str, ...]) -> None:
    for manifest in charts.rendered(CHART, *options):
        answer = charts.apply(manifest, dryRun="All")
        assert answer.ok, answer.data.decode()


def test_crd_of_the_chart_is_accepted_by_the_server(charts: Any) -> None:
    (manifest,) = charts.rendered(CRDS)
    assert charts.apply(manifest, dryRun="All").ok
    assert manifest["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_crd_can_be_left_to_somebody_else(charts: Any) -> None:
    assert charts.rendered(CRDS, "--set=crds.enabled=false") == []


@pytest.mark.parametrize(
    "option",
    [
        "image.tga=1",
        "replicas=0",
        "logLevel=loud",
        "watchNamespaces={A}",
        "image.digest=sha256:0",
        "crds=1",
        "networkPolicy.enable=1",
    ],
)
def test_value_that_nothing_obeys_is_refused(charts: Any, option: str) -> None:
    done = charts.helm("template", CHART, f"--kube-version={KUBERNETES_VERSION}", f"--set={option}")
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


def test_operators_pod_is_restricted(charts: Any) -> None:
    for options in VARIANTS.values():
        (deployment,) = [m for m in charts.rendered(CHART, *options) if m["kind"] == "Deployment"]
        template = deployment["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "x", "labels": {"a": "b"}}}
        answer = charts.server.request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", pod, dryRun="All")
        assert answer.ok, answer.data.decode()
        (container,) = template["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_operator_is_told_where_it_works_and_with_what(charts: Any) -> None:
    options = ("--set=watchNamespaces={one,two}", "--set=syncImage.repository=r/sync,syncImage.tag=7")
    (deployment,) = [m for m in charts.rendered(CHART, *options) if m["kind"] == "Deployment"]
    environment = {
        variable["name"]: variable.get("value")
        for variable in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert environment == {
        "POD_NAME": None,
        "POD_UID": None,
        "POD_NAMESPACE": None,
        "PBA_POD_NAME_LABEL": None,
        "PBA_POD_INSTANCE_LABEL": None,
        "PBA_LEASE_NAME": "pba-operator",
        "PBA_SYNC_IMAGE": "r/sync:7",
        "PBA_SYNC_IMAGE_PULL_POLICY": "IfNotPresent",
        "PBA_WATCH_NAMESPACES": "one,two",
        "PBA_LOG_LEVEL": "info",
    }


def test_releases_beside_each_other_have_a_lease_each(charts: Any) -> None:
    def lease(release: str) -> tuple[str, list[str]]:
        found = charts.rendered(CHART, release=release)
        (deployment,) = [m for m in found if m["kind"] == "Deployment"]
        variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        (name,) = [v["value"] for v in variables if v["name"] == "PBA_LEASE_NAME"]
        (role,) = [m for m in found if m["kind"] == "Role" and m["metadata"]["name"].endswith("-leases")]
        (names,) = [rule["resourceNames"] for rule in role["rules"] if "update" in rule["verbs"]]
        return name, names

    assert lease("pba-operator") == ("pba-operator", ["pba-operator"])
    assert lease("shops") == ("shops-pba-operator", ["shops-pba-operator"])


def test_teams_with_a_release_of_one_name_share_no_object(charts: Any) -> None:
    """Helm refuses to install what another release owns."""

    def made(team: str) -> set[tuple[str, str, str]]:
        found = charts.rendered(CHART, f"--namespace={team}", f"--set=watchNamespaces={{{team}}}")
        return {(m["kind"], m["metadata"].get("namespace", ""), m["metadata"]["name"]) for m in found}

    one, two = made("one"), made("two")
    assert {kind for kind, _, _ in one} == {
        "ClusterRole", "Deployment", "NetworkPolicy", "Role", "RoleBinding", "ServiceAccount",
    }  # fmt: skip
    assert len(one) == len(two)
    assert not one & two


def test_second_operator_for_all_namespaces_is_refused_under_the_same_name(charts: Any) -> None:
    def rights(namespace: str) -> set[str]:
        found = charts.rendered(CHART, f"--namespace={namespace}")
        return {m["metadata"]["name"] for m in found if m["kind"] == "ClusterRoleBinding"}

    assert rights("one") == rights("two") == {"pba-operator"}


def test_only_several_operators_have_a_budget(charts: Any) -> None:
    def budgets(*options: str) -> list[str]:
        return [m["kind"] for m in charts.rendered(CHART, *options) if m["kind"] == "PodDisruptionBudget"]

    assert budgets() == []
    assert budgets("--set=replicas=2") == ["PodDisruptionBudget"]


def test_the_operator_is_reached_by_nobody_who_is_not_named(charts: Any) -> None:
    def policies(*options: str) -> list[Any]:
        return [m["spec"] for m in charts.rendered(CHART, *options) if m["kind"] == "NetworkPolicy"]

    assert policies("--set=networkPolicy.enabled=false") == []
    (policy,) = policies()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy, (
        "an empty list is a change for the API server each time that it is applied"
    )
    (deployment,) = [m for m in charts.rendered(CHART) if m["kind"] == "Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    (policy,) = policies(*VARIANTS["everything set"])
    (rule,) = policy["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [port["port"] for port in rule["ports"]] == [port["containerPort"] for port in container["ports"]]
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in ("192.0.2.1/32", "2001:db8::1/128")]
    assert {"to": blocks, "ports": [{"protocol": "TCP"}]} in policy["egress"]
    (policy,) = policies(*VARIANTS["some namespaces"])
    (database,) = [rule for rule in policy["egress"] if rule["ports"][0].get("port") == 3306]
    (peer,) = database["to"]
    (requirement,) = peer["namespaceSelector"]["matchExpressions"]
    assert requirement["values"] == ["one", "two"]


def test_the_operator_learns_by_what_its_own_pods_are_known(charts: Any) -> None:
    """Its NetworkPolicies let these pods, and no others, ask MySQL."""
    (deployment,) = [m for m in charts.rendered(CHART) if m["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    told = {
        entry["name"]: entry["valueFrom"]["fieldRef"]["fieldPath"]
        for entry in template["spec"]["containers"][0]["env"]
        if entry["name"] in POD_LABELS
    }
    assert told == {variable: f"metadata.labels['{label}']" for variable, label in POD_LABELS.items()}
    assert set(POD_LABELS.values()) == set(deployment["spec"]["selector"]["matchLabels"])


def test_some_namespaces_need_no_cluster_role(charts: Any) -> None:
    found = charts.rendered(CHART, *VARIANTS["no cluster roles"])
    assert [m["kind"] for m in found if m["kind"].startswith("Cluster")] == []
    places = [
        (m["kind"], m["metadata"]["namespace"])
        for m in found
        if m["kind"] in ("Role", "RoleBinding") and not m["metadata"]["name"].endswith("-leases")
    ]
    assert sorted(places) == [
        ("Role", "one"),
        ("Role", "two"),
        ("RoleBinding", "one"),
        ("RoleBinding", "two"),
    ]


def test_selectors_hold_only_labels_that_never_change(charts: Any) -> None:
    for manifest in charts.rendered(CHART, "--set=replicas=2"):
        selector = manifest.get("spec", {}).get("selector")
        if selector is not None:
            assert selector["matchLabels"].keys() == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
