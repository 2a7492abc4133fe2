"""The demo notices a failed request, and keeps what a person needs to find its cause."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pba_hack import evidence
from pba_hack.demo import keeping
from pba_hack.kubectl import Kubectl

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(600)
def test_one_failed_request_makes_the_demo_fail_and_keep_what_shows_why(
    operator: Kubectl, namespace: Kubectl, images: dict[str, str], tmp_path: Path
) -> None:
    """In a namespace of its own: a demo that somebody left running stays, and so does what it has kept."""
    assert namespace.namespace not in ("demo", operator.namespace)
    command = [sys.executable, str(ROOT / "hack" / "demo"), "--requests", "90", "--inject-failure"]
    command += ["--namespace", namespace.namespace, "--kept", str(tmp_path)]
    done = subprocess.run(
        [*command, "--inside", json.dumps(images)], capture_output=True, text=True, timeout=500, check=False
    )
    assert "\n1 failed\n" in done.stdout, done.stdout + done.stderr
    assert "GET: status 404" in done.stdout
    assert done.returncode == 1

    [failed] = map(json.loads, (tmp_path / keeping.REQUESTS).read_text().splitlines())
    assert (failed["request"], failed["why"]) == ("GET /there-is-no-such-page", "GET: status 404")
    assert failed["request_id"]
    assert failed["node"], "a backend has answered"
    assert str(tmp_path / keeping.REQUESTS) in done.stderr
    place = tmp_path / keeping.CLUSTER
    assert str(place) in done.stderr
    assert_shows(namespace.namespace, {path.name: path.read_text() for path in place.iterdir()})


def assert_shows(namespace: str, kept: dict[str, str]) -> None:
    """See that what was kept tells of the PBACluster, its objects and what the operator did to them."""
    assert set(kept) == {*evidence.QUESTIONS, evidence.OUTLINE}
    assert f"{namespace}/shop" in kept["operator.log"]
    [shop] = [line for line in kept["pbaclusters.txt"].splitlines() if line.startswith(f"{namespace} ")]
    assert shop.split()[1] == "shop"
    assert shop in kept[evidence.OUTLINE]
    for name in ("pbaclusters.yaml", "objects.yaml", "events.txt", "pods.txt", "overview.txt"):
        assert namespace in kept[name], name
    assert "shop-mysql-0" in kept["overview.txt"]
