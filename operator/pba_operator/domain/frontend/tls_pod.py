"""What TLS adds to the frontend's pods.

What must stay true: the user's Secrets are mounted, not read through the API, and in the sidecar alone: it needs no
right on Secrets. HAProxy reads from a folder in memory what the sidecar has found fit; it is started once that is
there (the sidecar's startup probe), and comes back from there when its container is started anew. A certificate that
is renewed replaces no pod. Other authorities of clients do: HAProxy 3.0.11 cannot take them in while it runs
(haproxy#3165).
"""

from __future__ import annotations

from typing import Final

from pba_api import names, ports, sidecar
from pba_api.types import FrontendTLS
from pba_operator.domain.model import Cluster, Manifest

_START_SECONDS = 600
"""How long a pod whose Secrets were broken since it was made waits for better ones, until its sidecar is started
anew."""
TICKETS_VOLUME: Final = "tickets"
_MEMORY = "16Mi"
"""Of the folder that HAProxy reads: 20 Secrets hold much less, unless somebody fills them with other things."""


def _names(tls: FrontendTLS) -> list[str]:
    return [reference.name for reference in tls.secret_refs]


def _client_ca(tls: FrontendTLS) -> str:
    return tls.client_ca_secret_ref.name if tls.client_ca_secret_ref is not None else ""


def _secret(volume: str, name: str, keys: tuple[str, ...]) -> Manifest:
    items = [{"key": key, "path": key} for key in keys]
    return {"name": volume, "secret": {"secretName": name, "items": items}}


def volumes(cluster: Cluster, tls: FrontendTLS | None) -> list[Manifest]:
    """Return the pod's volumes; one for each Secret: one that is gone does not keep the others from being renewed."""
    if tls is None:
        return []
    made = [
        _secret(f"tls-{number}", name, (sidecar.CERTIFICATE_KEY, sidecar.PRIVATE_KEY_KEY))
        for number, name in enumerate(_names(tls))
    ]
    if tls.client_ca_secret_ref is not None:
        made.append(_secret("client-ca", tls.client_ca_secret_ref.name, (sidecar.CA_KEY,)))
    made.append(_secret(TICKETS_VOLUME, names.frontend_tickets(cluster.name), (sidecar.TICKET_SEED_KEY,)))
    return [*made, {"name": "tls", "emptyDir": {"medium": "Memory", "sizeLimit": _MEMORY}}]


def with_sidecar(container: Manifest, tls: FrontendTLS | None) -> Manifest:
    """Return the sidecar's container; without TLS it learns that there is none."""
    env = [
        {"name": sidecar.ENV_TLS_SECRETS, "value": ",".join(_names(tls)) if tls else ""},
        {"name": sidecar.ENV_CLIENT_CA_SECRET, "value": _client_ca(tls) if tls else ""},
    ]
    container = {**container, "env": [*container["env"], *env]}
    if tls is None:
        return container
    mounts = [
        {"name": f"tls-{number}", "mountPath": f"{sidecar.SECRETS_FOLDER}/{name}", "readOnly": True}
        for number, name in enumerate(_names(tls))
    ]
    if tls.client_ca_secret_ref is not None:
        mounts.append({"name": "client-ca", "mountPath": sidecar.CLIENT_CA_FOLDER, "readOnly": True})
    mounts.append({"name": TICKETS_VOLUME, "mountPath": sidecar.TICKETS_FOLDER, "readOnly": True})
    mounts.append({"name": "tls", "mountPath": sidecar.TLS_FOLDER})
    probe = {
        "httpGet": {"path": sidecar.STARTED_PATH, "port": ports.SYNC_HTTP},
        "periodSeconds": 1,
        "timeoutSeconds": 1,
        "failureThreshold": _START_SECONDS,
    }
    return {**container, "startupProbe": probe, "volumeMounts": [*container["volumeMounts"], *mounts]}


def with_haproxy(container: Manifest, tls: FrontendTLS | None) -> Manifest:
    """Return HAProxy's container."""
    if tls is None:
        return container
    port = {"name": ports.HTTPS_NAME, "containerPort": ports.FRONTEND_HTTPS, "protocol": "TCP"}
    mount = {"name": "tls", "mountPath": sidecar.TLS_FOLDER, "readOnly": True}
    return {
        **container,
        "ports": [*container["ports"], port],
        "env": [*container["env"], {"name": sidecar.ENV_TLS, "value": "true"}],
        "volumeMounts": [*container["volumeMounts"], mount],
    }
