"""What an API server writes into an object that was sent without it: the operator must not take it for a change."""

from __future__ import annotations

import base64
from typing import Any

Object = dict[str, Any]


def fill_in(manifest: Object) -> None:
    """Fill in and rewrite, as an API server does."""
    if manifest["kind"] == "Secret":
        for key, text in manifest.pop("stringData", {}).items():
            manifest.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    if manifest["kind"] == "Service":
        spec = manifest.setdefault("spec", {})
        spec.setdefault("clusterIP", "10.96.0.1")
        spec.setdefault("sessionAffinity", "None")
        if spec.get("publishNotReadyAddresses") is False:
            del spec["publishNotReadyAddresses"]
    if manifest["kind"] in ("Deployment", "StatefulSet"):
        spec = manifest.setdefault("spec", {})
        spec.setdefault("replicas", 1)
        pod = spec.get("template", {}).setdefault("spec", {})
        pod.setdefault("dnsPolicy", "ClusterFirst")
        for container in pod.get("containers", []):
            container.setdefault("terminationMessagePath", "/dev/termination-log")
