"""Every write for some PBAClusters, with each child as it is made, as text: what an upgrade of the operator changes.

Run as a program, it writes the files that the tests compare with, after a change that is meant:

    PYTHONPATH=tests/simulation python -m pba_simulation.children tests/unit/domain/children
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pba_api.identity import ANNOTATION_CONFIG_HASH, ANNOTATION_HASH, COMPONENT_FRONTEND, LABEL_COMPONENT
from pba_operator.domain.cluster import read
from pba_operator.domain.model import ChildId, Cluster, Generate, Generator, Manifest, Plan
from pba_operator.mysql.material import Material
from pba_simulation.belief import World, raw

_TEMPLATE: Final = "${host} ${port} ${database} ${user} ${password} ${caFile} $$ ${unknown}"
_PLACED: Final = {
    "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "256Mi"}},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "priorityClassName": "shop",
    "labels": {"team": "web"},
    "annotations": {"example.org/note": "here"},
}
PAGES: Final = "pages"
PAGE: Final = {"503.html": "<h1>Come again</h1>"}
_SPECS: Final[dict[str, dict[str, Any]]] = {
    "smallest": {},
    "with-a-balancer": {"backend": {}, "frontend": {"image": "haproxy:3.0.11"}},
    "every-field": {
        "imagePullSecrets": [{"name": "registry"}],
        "childMetadata": {"labels": {"cost": "42"}, "annotations": {"example.org/owner": "ops"}},
        "application": {
            "imagePullPolicy": "Always",
            "command": ["serve"],
            "args": ["--all"],
            "port": 9000,
            "env": [{"name": "MODE", "value": "shop"}],
            "envFrom": [{"configMapRef": {"name": "more"}}],
            "envNames": {"host": "PBA_HOST"},
            "configFiles": [
                {"path": "/etc/shop/db.conf", "templateRef": {"name": "templates", "key": "db.conf"}}
            ],
            "probes": {
                "startup": {"path": "/up", "periodSeconds": 3},
                "readiness": {"path": "/ready", "timeoutSeconds": 2},
                "liveness": {"path": "/live", "failureThreshold": 9},
            },
            "terminationGracePeriodSeconds": 77,
            "podSecurityContext": {"fsGroup": 7},
            "securityContext": {"runAsUser": 7},
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
        },
        "management": {"pod": _PLACED},
        "database": {
            "name": "store",
            "user": {"name": "clerk", "passwordSecretRef": {"name": "clerk", "key": "secret"}},
            "storage": {"size": "2Gi", "storageClassName": "fast"},
            "config": {"max_connections": "321"},
            "pod": _PLACED,
        },
        "backend": {
            "replicas": 3,
            "rollout": {"maxSurge": 2, "maxUnavailable": 1},
            "drainTimeoutSeconds": 44,
            "drainedNodes": ["old"],
            "external": [{"name": "old", "host": "old.example", "port": 81}],
            "pod": _PLACED,
        },
        "frontend": {
            "image": "haproxy:3.0.11",
            "replicas": 3,
            "trustedProxyCIDRs": ["192.0.2.0/24", "2001:db8:1::/48"],
            "proxyProtocol": "Accept",
            "access": {"allowCIDRs": ["0.0.0.0/0"], "denyCIDRs": ["198.51.100.0/24"]},
            "errorPages": {"configMapRef": {"name": PAGES}},
            "compression": True,
            "tls": {
                "secretRefs": [{"name": "shop-tls"}, {"name": "other-tls"}],
                "redirect": True,
                "hstsSeconds": 300,
            },
            "sessionAffinity": {"cookieName": "NODE", "leaveSlowNodeAfterMilliseconds": 2500},
            "accessLog": "All",
            "pod": _PLACED,
        },
        "service": {
            "type": "LoadBalancer",
            "loadBalancerClass": "example.org/lb",
            "loadBalancerSourceRanges": ["192.0.2.0/24"],
            "externalTrafficPolicy": "Local",
            "ipFamilyPolicy": "PreferDualStack",
            "annotations": {"example.org/dns": "shop"},
        },
        "network": {
            "apiServerCIDRs": ["192.0.2.10/32", "2001:db8::10/128"],
            "applicationEgress": [
                {"to": [{"ipBlock": {"cidr": "198.51.100.7/32"}}], "ports": [{"port": 587}]}
            ],
            "monitoring": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                    "podSelector": {"matchLabels": {"app": "prometheus"}},
                }
            ],
        },
    },
}
NAMES: Final = tuple(_SPECS)


CERTIFICATES: Final = ("shop-tls", "other-tls")
"""The user's Secrets with certificates that the PBACluster with every field refers to."""


def certificate() -> Manifest:
    """Return a Secret with a certificate; what it holds is no part of what is written."""
    texts = Material().make(Generate({"metadata": {"name": "tls"}}, Generator.CERTIFICATE_AUTHORITY), None)
    return {"data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}}


class _Recorder(World):
    """A world that remembers what was done to it, the last of its kind for each object."""

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[tuple[str, str], Manifest] = {}
        self.references = {
            ChildId("ConfigMap", "templates"): {"data": {"db.conf": _TEMPLATE}},
            ChildId("ConfigMap", PAGES): {"data": PAGE},
            ChildId("Secret", "clerk"): {
                "metadata": {"resourceVersion": "1"},
                "data": {"secret": "czNjcjN0"},
            },
            **{ChildId("Secret", name): certificate() for name in CERTIFICATES},
        }

    def carry_out(self, decided: Plan) -> None:
        for action in decided.actions:
            about: Any = copy.deepcopy(asdict(action))
            manifest = about.get("manifest")
            if manifest is not None:
                manifest["metadata"].get("annotations", {}).pop(ANNOTATION_HASH, None)
                _without_chance(manifest)
                target = f"{manifest['kind']} {manifest['metadata']['name']}"
            else:
                target = str(about.get("target", ""))
            kind = type(action).__name__
            self.done[kind, target] = {"action": kind, **about}
        super().carry_out(decided)


def _without_chance(manifest: Manifest) -> None:
    """Replace the hash of what pods read at their start, where keys that were made by chance are part of it.

    That mysqld's stays the same for the same facts is asked in `tests/unit/database/test_start_hash.py`.
    """
    is_frontend = manifest["metadata"].get("labels", {}).get(LABEL_COMPONENT) == COMPONENT_FRONTEND
    annotations = manifest.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
    if ANNOTATION_CONFIG_HASH in annotations and not is_frontend:
        annotations[ANNOTATION_CONFIG_HASH] = "of random keys"


def spec(name: str) -> Manifest:
    """Return what the PBACluster `name` (of `NAMES`) asks for beside what a small one does."""
    return copy.deepcopy(_SPECS[name])


def children(name: str) -> str:
    """Return what is done for the PBACluster `name` (of `NAMES`), without hashes, as JSON in a fixed order."""
    cluster = read(raw(**_SPECS[name]))
    assert isinstance(cluster, Cluster), cluster
    world = _Recorder()
    world.settle(cluster)
    assert world.status(cluster)["conditions"][0]["status"] == "True"
    done = [world.done[key] for key in sorted(world.done)]
    return json.dumps(done, indent=1, sort_keys=True, default=lambda kind: kind.value) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="pba_simulation.children", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write: tests/unit/domain/children")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    for one in NAMES:
        (options.folder / f"{one}.json").write_text(children(one))
