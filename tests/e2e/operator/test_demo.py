"""The demo notices a failed request."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pba_hack.kubectl import Kubectl

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(600)
def test_one_failed_request_makes_the_demo_fail(
    operator: Kubectl, namespace: Kubectl, images: dict[str, str]
) -> None:
    """In a namespace of its own: a demo that somebody left running stays."""
    assert namespace.namespace not in ("demo", operator.namespace)
    command = [sys.executable, str(ROOT / "hack" / "demo"), "--requests", "90", "--inject-failure"]
    command += ["--namespace", namespace.namespace]
    done = subprocess.run(
        [*command, "--inside", json.dumps(images)], capture_output=True, text=True, timeout=500, check=False
    )
    assert "\n1 failed\n" in done.stdout, done.stdout + done.stderr
    assert "GET: status 404" in done.stdout
    assert done.returncode == 1
