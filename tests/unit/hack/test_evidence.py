"""What a failed test on nodes keeps, by clients that stand in for kubectl."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pba_nodes import evidence

from pba_hack import kubectl


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands first in the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def client(machine: Path, text: str) -> None:
    program = machine / "kubectl"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def after(machine: Path, *, failed: bool, when: str = "call") -> Any:
    """Return what pytest reports of a test, once evidence of it is kept, if any is."""
    item: Any = SimpleNamespace(
        config=SimpleNamespace(rootpath=machine), nodeid="tests/e2e/test_a.py::test_b[1-c/d]"
    )
    hook = evidence.pytest_runtest_makereport(item)
    next(hook)
    report: Any = SimpleNamespace(failed=failed, when=when, sections=[])
    with pytest.raises(StopIteration) as end:
        hook.send(report)
    assert end.value.value is report
    return report


def kept(machine: Path) -> dict[str, str]:
    """Return the files of evidence, of which all are in one folder."""
    return {path.name: path.read_text() for path in machine.glob("test-results/evidence/*/*")}


@pytest.mark.parametrize("when", ["setup", "call"])
def test_a_failed_test_keeps_what_the_cluster_held_and_no_secret(machine: Path, when: str) -> None:
    client(machine, 'echo "$@"; echo a warning >&2')
    report = after(machine, failed=True, when=when)
    files = kept(machine)
    assert set(files) == {"overview.txt", "objects.yaml", "events.txt", "operator.log"}
    assert all(text.endswith("a warning\n") for text in files.values())
    asked = [kind for word in files["objects.yaml"].split() for kind in word.split(",")]
    assert {"pbaclusters", "pods", "leases"} <= set(asked)
    assert "secret" not in " ".join(files.values())
    [(_, told)] = report.sections
    assert told.startswith(f"{machine}/test-results/evidence/tests-e2e-test_a.py-test_b-1-c-d-\n")
    assert files["overview.txt"] in told
    assert files["operator.log"].strip() in told


@pytest.mark.parametrize(("failed", "when"), [(False, "call"), (True, "teardown")])
def test_nothing_is_kept_of_what_passed_or_is_gone_already(machine: Path, failed: bool, when: str) -> None:
    client(machine, "echo asked")
    assert after(machine, failed=failed, when=when).sections == []
    assert kept(machine) == {}


def test_a_kubectl_that_hangs_does_not_end_the_run_of_tests(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubectl, "COMMAND_SECONDS", 0.1)
    client(machine, "exec sleep 600")
    [(_, told)] = after(machine, failed=True).sections
    assert "timed out after 0.1 seconds" in told
