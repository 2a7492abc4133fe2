"""The hash by which mysqld is restarted: for the same facts it stays the same, whichever operator computes it.

If it changes, an update of the operator restarts every database: tell it in CHANGELOG.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from pba_operator.domain.database import configuration, secrets
from pba_operator.domain.model import ChildId, Observed

FACTS = {
    ChildId("Secret", "shop-mysql-admin"): {"data": {"init.sql": "c3Fs", "password": "cA=="}},
    ChildId("Secret", "shop-mysql-tls"): {"data": {"tls.crt": "Y3J0", "tls.key": "a2V5", "ca.crt": "Y2E="}},
}


def test_the_same_secrets_have_the_same_hash(cluster: Callable[..., Any]) -> None:
    expected = hashlib.sha256(b"c3Fs\nY3J0\na2V5\nY2E=").hexdigest()
    assert secrets.fingerprint(cluster(), Observed(FACTS)) == expected


def test_the_same_options_have_the_same_hash(cluster: Callable[..., Any]) -> None:
    expected = hashlib.sha256(b'{"max_connections": "321"}').hexdigest()
    assert configuration.fingerprint(cluster(config={"max_connections": "321"})) == expected


def test_the_start_hash_is_made_of_both(settled: Any) -> None:
    facts = configuration.fingerprint(settled.cluster) + secrets.fingerprint(
        settled.cluster, settled.observed
    )
    template = settled.get("StatefulSet", "shop-mysql")["spec"]["template"]
    expected = hashlib.sha256(facts.encode()).hexdigest()[:16]
    assert template["metadata"]["annotations"] == {"pba.dev/config-hash": expected}
