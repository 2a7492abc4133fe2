"""Keys, certificates and client configurations: every part of the cluster has an identity of its own.

Two authorities: the cluster's, and the one for the API server's requests to aggregated APIs (request header),
which must not vouch for users.
"""

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pba_hack.cluster import resolv_conf
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import addresses
from pba_hack.cluster.local.layout import Layout, node_name

__all__ = ["Identity", "create", "issue", "issue_node", "write_kubeconfig"]

_DAYS = "3650"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_CONFIG = "openssl.cnf"
"""Our own: the machine's may add extensions."""
_API_NAMES = (
    "DNS:kubernetes",
    "DNS:kubernetes.default",
    "DNS:kubernetes.default.svc",
    f"DNS:kubernetes.default.svc.{resolv_conf.DOMAIN}",
    "DNS:localhost",
    "IP:127.0.0.1",
    f"IP:{addresses.KUBERNETES_SERVICE}",
    f"IP:{addresses.HUB}",
)


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for: a user of the API server, and its group."""

    file: str
    user: str
    group: str = ""


CLIENTS = (
    Identity("admin", "admin", "system:masters"),
    Identity("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
    Identity("controller-manager", "system:kube-controller-manager"),
    Identity("scheduler", "system:kube-scheduler"),
    Identity("kube-proxy", "system:kube-proxy"),
    Identity("dns", "pba:dns"),
    Identity("storage", "pba:storage"),
    Identity("load-balancer", "pba:load-balancer"),
    Identity("network-policies", "pba:network-policies"),
)
"""Those for whom no role is bound by Kubernetes itself get theirs in `manifests/`."""


def create(layout: Layout) -> None:
    """Make the authorities, the control plane's certificates, and each part's kubeconfig."""
    layout.pki.mkdir(mode=0o700)
    (layout.pki / _CONFIG).write_text("[req]\ndistinguished_name = name\n[name]\n")
    _authority(layout, "ca", "pba-cluster")
    _authority(layout, "front-proxy-ca", "pba-cluster-front-proxy")
    _openssl("genpkey", "-algorithm", "RSA", "-out", layout.pki / "service-accounts.key")
    issue(layout, Identity("apiserver", "kube-apiserver"), _API_NAMES)
    issue(layout, Identity("front-proxy", "front-proxy-client"), authority="front-proxy-ca")
    for identity in CLIENTS:
        issue(layout, identity)
        write_kubeconfig(layout, identity, layout.pki / f"{identity.file}.kubeconfig")
    write_kubeconfig(layout, CLIENTS[0], layout.kubeconfig)


def issue_node(layout: Layout, number: int) -> None:
    """Make a node's certificate, for its kubelet as a client and as a server, and its kubeconfig."""
    name = node_name(number)
    identity = Identity(name, f"system:node:{name}", "system:nodes")
    issue(layout, identity, (f"DNS:{name}", f"IP:{addresses.node_address(number)}"))
    write_kubeconfig(layout, identity, layout.pki / f"{name}.kubeconfig")


def issue(layout: Layout, identity: Identity, names: Sequence[str] = (), authority: str = "ca") -> None:
    """Make one key and certificate, good for client and server.

    Args:
        layout: The cluster.
        identity: Who it speaks for.
        names: Subject alternative names in OpenSSL's words.
        authority: Name of the signing authority.
    """
    subject = (f"/O={identity.group}" if identity.group else "") + f"/CN={identity.user}"
    extensions = ["-addext", "basicConstraints=critical,CA:false"]
    extensions += ["-addext", "extendedKeyUsage=clientAuth,serverAuth"]
    if names:
        extensions += ["-addext", f"subjectAltName={','.join(names)}"]
    signer: list[str | Path] = [
        "-CA",
        layout.pki / f"{authority}.crt",
        "-CAkey",
        layout.pki / f"{authority}.key",
    ]
    _openssl(
        "req", "-config", layout.pki / _CONFIG, "-x509", *signer, *_KEY, "-days", _DAYS, "-subj", subject,
        *extensions,
        "-keyout", layout.pki / f"{identity.file}.key", "-out", layout.pki / f"{identity.file}.crt",
    )  # fmt: skip


def write_kubeconfig(layout: Layout, identity: Identity, path: Path) -> None:
    """Write a client configuration that holds all it needs (JSON is YAML)."""

    def data(name: str) -> str:
        return base64.b64encode((layout.pki / name).read_bytes()).decode()

    cluster = {"server": addresses.API_URL, "certificate-authority-data": data("ca.crt")}
    user = {
        "client-certificate-data": data(f"{identity.file}.crt"),
        "client-key-data": data(f"{identity.file}.key"),
    }
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": layout.name, "cluster": cluster}],
        "users": [{"name": identity.user, "user": user}],
        "contexts": [{"name": layout.name, "context": {"cluster": layout.name, "user": identity.user}}],
        "current-context": layout.name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1) + "\n")


def _authority(layout: Layout, file: str, name: str) -> None:
    _openssl(
        "req", "-config", layout.pki / _CONFIG, "-x509", *_KEY, "-days", _DAYS, "-subj", f"/CN={name}",
        "-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout", layout.pki / f"{file}.key", "-out", layout.pki / f"{file}.crt",
    )  # fmt: skip


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
