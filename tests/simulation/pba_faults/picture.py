"""What a namespace of a real API server looks like, without what differs from run to run."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from pba_simulation.real import Namespace

from pba_api.identity import ANNOTATION_CONFIG_HASH, ANNOTATION_HASH
from pba_operator.kube import kinds

Object = dict[str, Any]
_METADATA: Final = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_SERVICE: Final = ("clusterIP", "clusterIPs")
_DERIVED: Final = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "a UUID"),
    (re.compile(r"hmac\(sha256,[A-Za-z0-9+/=]+\)"), "hmac(sha256,a UUID)"),
    (re.compile(r'"PBA_SERVER_ID_BASE", "value": "[0-9]+"'), '"PBA_SERVER_ID_BASE", "value": "a number"'),
    (re.compile(r'"tls\.(crt|key)": "[^"]+"'), r'"tls.\1": "made anew each time"'),
    (re.compile(r'"10\.96\.[0-9.]+"'), '"an address"'),
    (re.compile(f'"({ANNOTATION_HASH}|{ANNOTATION_CONFIG_HASH})": "[0-9a-f]+"'), r'"\1": "a hash"'),
)
"""What follows from a UID or from the namespace's name, or is random."""
_TIMES: Final = ("lastTransitionTime", "observedGeneration")


def picture(place: Namespace) -> dict[str, Object]:
    """Return all objects but Events and Leases, by kind and name; UIDs stand as the names of their objects."""
    everything = [live for kind in kinds.WATCHED for live in place.list(kind.name)]
    text = json.dumps({f"{live['kind']}/{live['metadata']['name']}": _plain(live) for live in everything})
    for live in everything:
        text = text.replace(live["metadata"]["uid"], f"the UID of {live['metadata']['name']}")
    for pattern, word in _DERIVED:
        text = pattern.sub(word, text)
    found: dict[str, Object] = json.loads(text.replace(place.name, "NAMESPACE"))
    return found


def _plain(live: Object) -> Object:
    metadata = {key: value for key, value in live["metadata"].items() if key not in _METADATA}
    spec = live.get("spec", {})
    for field in _SERVICE if live["kind"] == "Service" else ():
        spec.pop(field, None)
    status = {key: value for key, value in live.get("status", {}).items() if key != "observedGeneration"}
    for condition in status.get("conditions", ()):
        for field in _TIMES:
            condition.pop(field, None)
    return {**live, "metadata": metadata, "status": status}


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """Return where two pictures differ, and how."""
    if isinstance(left, dict) and isinstance(right, dict):
        return [
            line
            for key in sorted({*left, *right})
            for line in differences(left.get(key), right.get(key), f"{path}/{key}")
        ]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [line for index, (a, b) in pairs for line in differences(a, b, f"{path}/{index}")]
    return [] if left == right else [f"{path}: {left!r} != {right!r}"]
