"""What is kept of a cluster on which something has failed, by clients that stand in for kubectl."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pba_nodes import evidence as hook

from pba_hack import evidence, kubectl
from pba_hack.cluster import entering
from pba_hack.cluster.local import report
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.layout import Layout

ALL = {*evidence.QUESTIONS, evidence.OUTLINE}


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
    wrapper = hook.pytest_runtest_makereport(item)
    next(wrapper)
    reported: Any = SimpleNamespace(failed=failed, when=when, sections=[])
    with pytest.raises(StopIteration) as end:
        wrapper.send(reported)
    assert end.value.value is reported
    return reported


def kept(machine: Path) -> dict[str, str]:
    """Return the files of evidence, of which all are in one folder."""
    return {path.name: path.read_text() for path in machine.glob("test-results/evidence/*/*")}


@pytest.mark.parametrize("when", ["setup", "call"])
def test_a_failed_test_keeps_what_the_cluster_held_and_no_secret(machine: Path, when: str) -> None:
    client(machine, 'echo "$@"; echo a warning >&2')
    reported = after(machine, failed=True, when=when)
    files = kept(machine)
    assert set(files) == ALL
    assert all(files[name].endswith("a warning\n") for name in evidence.QUESTIONS)
    asked = [kind for word in files["objects.yaml"].split() for kind in word.split(",")]
    assert {"pods", "leases", "persistentvolumes"} <= set(asked)
    assert "secret" not in " ".join(files.values())
    [(_, told)] = reported.sections
    assert told.startswith(f"{machine}/test-results/evidence/tests-e2e-test_a.py-test_b-1-c-d-\n")
    for name in ("pbaclusters.txt", "overview.txt", "operator.log"):
        assert files[name].strip() in files[evidence.OUTLINE]
    assert told.endswith(files[evidence.OUTLINE])


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


def test_a_machine_without_kubectl_does_not_end_the_run_of_tests(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine))
    [(_, told)] = after(machine, failed=True).sections
    assert "No such file or directory: 'kubectl'" in told
    assert set(kept(machine)) == ALL


def test_a_place_where_nothing_can_be_written_does_not_end_the_run_of_tests(machine: Path) -> None:
    client(machine, "echo asked")
    (machine / "test-results").write_text("no folder")
    [(_, told)] = after(machine, failed=True).sections
    assert "could not be kept: [Errno 20] Not a directory" in told


def test_bytes_that_are_no_text_cost_nothing_of_a_log(machine: Path) -> None:
    client(machine, r"printf 'before \377 after\n'")
    after(machine, failed=True)
    assert kept(machine)["operator.log"] == "before \\xff after\n"


def test_a_type_that_is_not_there_costs_no_other_its_place(machine: Path) -> None:
    """As before the operator is installed: kubectl refuses the whole of a question that names it."""
    client(machine, 'case "$*" in *pbaclusters*) echo no such resource type >&2; exit 1;; esac; echo found')
    after(machine, failed=True)
    files = kept(machine)
    refused = {name for name in evidence.QUESTIONS if "found" not in files[name]}
    assert refused == {"pbaclusters.txt", "pbaclusters.yaml"}
    assert all("resource type" in files[name] for name in refused)


@pytest.fixture
def logs(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], Path]:
    """Collects logs of a cluster whose control plane is a process, or is gone; commands run in our own network."""
    layout = Layout("x", machine / "state")
    (layout.logs / "node1").mkdir(parents=True)
    (layout.logs / "node1" / "kubelet.log").write_text("started\n")
    layout.bin.mkdir()
    client(layout.bin, 'echo "$@"; echo a warning >&2')

    def collected(hub: int | None) -> Path:
        monkeypatch.setattr(report, "first_process", lambda *_: hub)
        monkeypatch.setattr(entering, "command_line", lambda *words: list(words[2]))
        report.collect_logs(layout, Groups(layout.cgroup), machine / "logs")
        return machine / "logs"

    return collected


def test_logs_hold_the_same_as_the_evidence_of_a_failed_test(
    logs: Callable[[int | None], Path], machine: Path
) -> None:
    client(machine, 'echo "$@"; echo a warning >&2')
    after(machine, failed=True)
    folder = logs(7)
    texts = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert set(texts) == ALL
    options = re.compile(r"--(namespace default|request-timeout=\S+|kubeconfig=\S+) ")
    assert {name: options.sub("", text) for name, text in texts.items()} == {
        name: options.sub("", text) for name, text in kept(machine).items()
    }


def test_logs_of_a_cluster_whose_control_plane_is_gone_are_those_that_are_left(
    logs: Callable[[int | None], Path],
) -> None:
    folder = logs(None)
    assert [str(path.relative_to(folder)) for path in folder.rglob("*.log")] == ["cluster/node1/kubelet.log"]
    assert not (folder / evidence.OUTLINE).exists()
