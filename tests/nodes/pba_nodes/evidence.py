"""What the cluster looked like when a test failed, kept before the test's fixtures take its objects away.

A conftest takes `pytest_runtest_makereport` by importing it. Secrets are not read: what is kept may be shown.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from pba_hack.helm import OPERATOR_NAMESPACE
from pba_hack.kubectl import Kubectl
from pba_hack.testing.run import EVIDENCE

_KINDS: Final = (
    "pbaclusters,statefulsets,deployments,replicasets,pods,services,endpointslices,persistentvolumeclaims,"
    "poddisruptionbudgets,nodes,leases"
)
_OVERVIEW: Final = "pbaclusters,deployments,statefulsets,pods,nodes"
_COMMANDS: Final = {
    "overview.txt": ("get", _OVERVIEW, "--all-namespaces", "-o", "wide"),
    "objects.yaml": ("get", _KINDS, "--all-namespaces", "-o", "yaml"),
    "events.txt": ("get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp"),
    "operator.log": (
        *("--namespace", OPERATOR_NAMESPACE, "logs", "--selector=app.kubernetes.io/name=pba-operator"),
        *("--prefix", "--timestamps", "--tail=3000"),
    ),
}
_LAST_LINES: Final = 30


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the evidence of a test that has failed, and say where."""
    report = yield
    if report.failed and report.when != "teardown":
        place = Path(os.environ.get(EVIDENCE) or item.config.rootpath / "test-results" / "evidence")
        folder = place / re.sub(r"[^\w.-]+", "-", item.nodeid)
        keep(folder)
        report.sections.append(("the cluster when it failed", f"{folder}\n{_outline(folder)}"))
    return report


def keep(folder: Path) -> None:
    """Write the cluster's objects, its Events and the operator's logs into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in _COMMANDS.items():
        (folder / name).write_text(_answer(*command))


def _answer(*command: str) -> str:
    """Return what kubectl says, or why it says nothing: an exception in a hook would end the whole run of tests."""
    try:
        done = Kubectl().try_run("--request-timeout=20s", *command)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}\n"
    return done.stdout + done.stderr


def _outline(folder: Path) -> str:
    """Return what to read first: what ran, and the operator's last words."""
    log = (folder / "operator.log").read_text().splitlines()
    return "\n".join([(folder / "overview.txt").read_text(), *log[-_LAST_LINES:]])
