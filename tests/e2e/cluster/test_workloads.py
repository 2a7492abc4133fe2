"""What workloads rely on: names, volumes, addresses, logs, rights, limits, and nothing outside."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from pba_hack import oci
from pba_hack.cluster.trial import TrialCluster
from pba_hack.waiting import wait_for

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: web}}
      containers:
        - name: main
          image: localhost/busybox:1
          command: [sh, -c, "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"]
          readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {type: LoadBalancer, selector: {app: nobody}, ports: [{port: 80}]}
"""

KEEPER = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: keeper}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: main
      image: localhost/busybox:1
      command: [sh, -c, "echo started; [ -e /data/kept ] || echo first > /data/kept; exec tail -f /dev/null"]
      resources: {limits: {memory: 32Mi, cpu: 200m}}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


@pytest.fixture(scope="module", autouse=True)
def workloads(running: TrialCluster) -> None:
    running.kubectl("apply", "-f", "-", stdin=WEB)
    running.kubectl("apply", "-f", "-", stdin=KEEPER)
    running.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    running.kubectl("wait", "--for=condition=Ready", "pod/keeper", "--timeout=60s")


def in_keeper(cluster: TrialCluster, command: str) -> str:
    return cluster.kubectl("exec", "keeper", "--", "sh", "-c", command)


def test_names_answer_in_pods_and_in_exec(running: TrialCluster) -> None:
    address = running.get("service", "web")["spec"]["clusterIP"]
    assert address in in_keeper(running, "nslookup web.default.svc.cluster.local")
    assert address in running.inside("getent", "hosts", "web").stdout


def test_addresses_have_names(running: TrialCluster) -> None:
    address = running.get("service", "web")["spec"]["clusterIP"]
    assert "web.default.svc.cluster.local" in in_keeper(running, f"nslookup {address}")


def test_names_outside_do_not_exist(running: TrialCluster) -> None:
    done = running.inside("kubectl", "exec", "keeper", "--", "nslookup", "example.com.", check=False)
    assert "NXDOMAIN" in done.stdout + done.stderr


def test_a_load_balancer_address_reaches_every_pod_from_inside_and_outside(running: TrialCluster) -> None:
    def address() -> str:
        ingress = running.get("service", "web")["status"]["loadBalancer"].get("ingress", [{}])
        return str(ingress[0].get("ip", ""))

    external = wait_for("the Service has an address", address, 10)
    pods = {pod["metadata"]["name"] for pod in running.get("pods", "-lapp=web")["items"]}
    fetch = f"for i in $(seq 40); do curl --silent --max-time 5 http://{external}/; done"
    assert set(running.inside("sh", "-c", fetch).stdout.split()) == pods
    assert in_keeper(running, f"wget -q -O- http://{external}/").strip() in pods


def test_a_service_without_endpoints_refuses_at_once(running: TrialCluster) -> None:
    for address in (running.get("service", "nobody")["spec"]["clusterIP"], "nobody"):
        done = running.inside(
            "curl", "--silent", "--show-error", "--max-time", "2", f"http://{address}/", check=False
        )
        assert "refused" in done.stderr.lower() or "Couldn't connect" in done.stderr


def test_nothing_outside_is_reached(running: TrialCluster) -> None:
    routes = running.inside("ip", "route").stdout
    assert "default" not in routes
    interfaces = running.inside("ip", "-oneline", "link").stdout
    assert "eth0" not in interfaces


def test_a_volume_outlives_its_pod_and_goes_with_its_claim(running: TrialCluster) -> None:
    in_keeper(running, "echo more >> /data/kept")
    running.kubectl("delete", "pod", "keeper")
    running.kubectl("apply", "-f", "-", stdin=KEEPER)
    running.kubectl("wait", "--for=condition=Ready", "pod/keeper", "--timeout=60s")
    assert in_keeper(running, "cat /data/kept").split() == ["first", "more"]

    [default] = [
        item for item in running.get("storageclasses")["items"] if item["metadata"].get("annotations")
    ]
    assert default["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"


def test_logs_and_exec_need_the_kubelets_trust(running: TrialCluster) -> None:
    assert running.kubectl("logs", "keeper").strip() == "started"
    [node, *_] = running.status()["nodes"]
    url = f"https://{node['address']}:10250/pods"
    status = running.inside("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", url).stdout
    assert status == "401"


def test_pods_get_tokens_of_their_own(running: TrialCluster) -> None:
    token = in_keeper(running, "cat /var/run/secrets/kubernetes.io/serviceaccount/token")
    url = "https://kubernetes.default.svc.cluster.local/api/v1/namespaces/default/pods"
    answer = running.inside("curl", "-sk", "-H", f"Authorization: Bearer {token}", url).stdout
    # Known, and without rights: RBAC works.
    assert json.loads(answer)["code"] == 403
    assert "system:serviceaccount:default:default" in answer


def test_pods_reach_the_api_server(running: TrialCluster) -> None:
    in_keeper(running, "nc -w 5 kubernetes.default 443 < /dev/null")


def test_pod_security_is_enforced(running: TrialCluster) -> None:
    running.kubectl("create", "namespace", "strict")
    running.kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    refused = running.inside(
        "kubectl",
        "-n",
        "strict",
        "run",
        "loose",
        "--image=localhost/busybox:1",
        "--restart=Never",
        check=False,
    )
    assert refused.returncode
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_nodes_share_the_machines_memory(running: TrialCluster) -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    nodes = running.get("nodes")["items"]
    allocatable = [int(node["status"]["allocatable"]["memory"].removesuffix("Ki")) << 10 for node in nodes]
    assert machine / 4 < sum(allocatable) < machine


def test_writes_are_in_the_audit_log(running: TrialCluster) -> None:
    running.kubectl("create", "configmap", "audited")
    events = [json.loads(line) for line in Path(running.status()["audit_log"]).read_text().splitlines()]
    [written] = [
        e for e in events if e.get("objectRef", {}).get("name") == "audited" and e["verb"] == "create"
    ]
    assert written["user"]["username"] == "admin"
    assert written["level"] == "Metadata"


def test_exec_passes_status_and_streams_through(running: TrialCluster) -> None:
    done = running.inside("sh", "-c", "cat; exit 7", check=False, stdin="through")
    assert (done.returncode, done.stdout) == (7, "through")


def test_what_is_loaded_runs_on_all_nodes(running: TrialCluster, tmp_path: Path) -> None:
    layer, archive = tmp_path / "layer.tar", tmp_path / "image.tar"
    oci.write_files_layer(layer, {"bin/busybox": Path(shutil.which("busybox") or "")})
    config = oci.ImageConfig(entrypoint=["/bin/busybox", "true"], user="1000")
    oci.write_archive(archive, "localhost/loaded:1", [layer], config)

    running.run("load", str(archive))
    running.run("load", str(archive))

    for node in running.status()["nodes"]:
        overrides = json.dumps(
            {"spec": {"nodeName": node["name"], "securityContext": {"runAsNonRoot": True}}}
        )
        options = ["--image=localhost/loaded:1", "--image-pull-policy=Never", "--restart=Never"]
        running.kubectl("run", f"on-{node['name']}", *options, f"--overrides={overrides}")
        succeeded = "--for=jsonpath={.status.phase}=Succeeded"
        running.kubectl("wait", succeeded, f"pod/on-{node['name']}", "--timeout=30s")


def test_logs_hold_what_a_person_looks_for(running: TrialCluster, tmp_path: Path) -> None:
    running.run("logs", str(tmp_path / "logs"))
    kept = {str(path.relative_to(tmp_path / "logs")) for path in (tmp_path / "logs").rglob("*")}
    assert {"cluster/kube-apiserver.log", "cluster/node1/kubelet.log", "events.txt", "pods.txt"} <= kept
    assert any("default_keeper" in path and path.endswith("0.log") for path in kept)
