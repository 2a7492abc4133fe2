"""What the sidecar has in its pod: an account with the rights that the operator gives it, and its settings."""

from __future__ import annotations

import shutil
from pathlib import Path

from pba_api import names, sidecar
from pba_hack.apiserver import ApiServer
from pba_operator.domain.frontend import SyncImage, access, declaration, manifests, selectors
from pba_operator.domain.model import Cluster, Observed

_PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
}


def admit(server: ApiServer, cluster: Cluster) -> None:
    """Make the sidecar's account, which may do what the operator's Role says and nothing else."""
    for manifest in (
        *access.manifests(cluster),
        *selectors.manifests(cluster),
        declaration.config_map(cluster),
    ):
        made = server.request("POST", _PATHS[manifest["kind"]].format(cluster.namespace), manifest)
        if not made.ok:
            raise RuntimeError(made.data.decode())


def token(server: ApiServer, cluster: Cluster) -> str:
    """Return a new token of the account."""
    path = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts/{names.frontend(cluster.name)}/token"
    answer = server.request("POST", path, {"spec": {"expirationSeconds": 3600}})
    if not answer.ok:
        raise RuntimeError(answer.data.decode())
    return str(answer.body["status"]["token"])


def mount(server: ApiServer, cluster: Cluster, folder: Path) -> Path:
    """Write what the kubelet mounts into the sidecar; return the folder."""
    mounted = folder / "token"
    mounted.mkdir()
    (mounted / "token").write_text(token(server, cluster))
    (mounted / "namespace").write_text(cluster.namespace)
    shutil.copy(server.ca_file, mounted / "ca.crt")
    return mounted


def told(cluster: Cluster) -> dict[str, str]:
    """Return what the operator tells the sidecar in its pod."""
    made = {
        manifest["kind"]: manifest
        for manifest in manifests(cluster, Observed(), SyncImage("sync:1", "Never"))
    }
    [container] = made["Deployment"]["spec"]["template"]["spec"]["initContainers"]
    return {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}


def environment(cluster: Cluster, socket: Path, mounted: Path, *, port: int = 1) -> dict[str, str]:
    """Return the sidecar's environment; it looks for the API server at loopback's `port`."""
    return {
        **told(cluster),
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(port),
        sidecar.ENV_HAPROXY_SOCKET: str(socket),
        sidecar.ENV_TOKEN_FOLDER: str(mounted),
        sidecar.ENV_DRAIN_SECONDS: "5",
        sidecar.ENV_POD_IPS: "127.0.0.1",
        sidecar.ENV_TLS_SECRETS: "",
        sidecar.ENV_CLIENT_CA_SECRET: "",
    }
