"""What users are told in each kind of trouble: the whole status of PBAClusters that something is wrong with, as text.

Run as a program, it writes the file that the tests compare with, after a change that is meant:

    PYTHONPATH=tests/simulation python -m pba_simulation.words tests/unit/domain/words.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from pba_operator.domain.cluster import read
from pba_operator.domain.model import ChildId, Cluster, Failure, Manifest
from pba_simulation.belief import World, raw, reported
from pba_simulation.troubles import CLAIM, TROUBLES

_WHOLE: Final[Manifest] = {"backend": {}, "frontend": {"image": "haproxy:3.0.11"}}
_SECURED: Final[Manifest] = {
    "frontend": {**_WHOLE["frontend"], "tls": {"secretRefs": [{"name": "shop-tls"}]}},
}
_REFUSED: Final = (
    Failure(ChildId("Deployment", "shop-backend"), "Invalid", "spec.template: no"),
    Failure(ChildId("Secret", "shop-mysql-app"), "Forbidden", "may not"),
)
_LOAD_BALANCED: Final[dict[str, Manifest]] = {
    "no load balancer gives the Service an address": {"service": {"type": "LoadBalancer"}}
}
"""Troubles of what was asked for from the beginning."""
_ASKED_OTHERWISE: Final[dict[str, Manifest]] = {
    "it is paused, and other backends are asked for": {"paused": True, "backend": {"replicas": 5}},
    "no backend is asked for while frontends start": {
        "backend": {"replicas": 0},
        "management": {"servesTraffic": False},
    },
    "the spec cannot be read": {"application": {"image": "app:1", "port": "x"}},
    "an earlier namesake left a volume of another class": {
        "database": {"storage": {"storageClassName": "fast"}}
    },
    "options of MySQL are refused": {"database": {"config": {"datadir": "/x", "ssl_key": "/y"}}},
    "a certificate of the user's is missing": _SECURED,
    "a certificate of the user's lacks its key": _SECURED,
    "a certificate of the user's is none": _SECURED,
    "a Secret of the user's is missing": {
        "database": {"user": {"passwordSecretRef": {"name": "clerk", "key": "secret"}}}
    },
    "the frontends' own pages are missing": {
        "frontend": {"image": "haproxy:3.0.11", "errorPages": {"configMapRef": {"name": "pages"}}}
    },
    "a template of the user's is missing": {
        "application": {
            "configFiles": [{"path": "/etc/db.conf", "templateRef": {"name": "templates", "key": "db.conf"}}]
        }
    },
}
"""Troubles that begin with another spec."""


def told(trouble: str) -> Manifest:
    """Return the status of a PBACluster that all was well with until `trouble` (of `TROUBLES`) came."""
    uid = {"uid": "22222222-2222-2222-2222-222222222222"} if " left " in trouble else {}
    whole = {**_WHOLE, **_LOAD_BALANCED.get(trouble, {})}
    made = read(raw(**whole))
    asked = read(raw(metadata=uid, **{**whole, **_ASKED_OTHERWISE.get(trouble, {})}))
    assert isinstance(made, Cluster)
    world = World()
    world.settle(made)
    world.children[CLAIM]["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    TROUBLES[trouble](world)
    return reported(asked, world.observed, _REFUSED if trouble == "actions are refused" else ())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="pba_simulation.words", description=__doc__)
    parser.add_argument("file", type=Path, help="what to write: tests/unit/domain/words.json")
    options = parser.parse_args()
    statuses = {trouble: told(trouble) for trouble in TROUBLES}
    options.file.write_text(json.dumps(statuses, indent=1, ensure_ascii=False) + "\n")
