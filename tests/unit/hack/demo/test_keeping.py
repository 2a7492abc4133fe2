"""A demo that fails keeps what shows why; what it keeps, or cannot keep, hides neither the failure nor its status."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pba_hack import checkout, evidence
from pba_hack.demo import cli, inside, keeping
from pba_hack.helm import HelmError
from pba_hack.kubectl import KubectlError
from pba_hack.traffic import RequestFailedError
from pba_hack.traffic.tally import Failure
from pba_hack.waiting import WaitedInVainError

FAILURE = Failure(
    "2026-01-01T00:00:00.000+00:00", 0.1, "GET /", "abc", "shop-a", "GET: status 503", "503 b''"
)
SERVED = "shop is Ready"
LOGS = 'test "$1" = logs || exit ${DEMO_STATUS:-7}; mkdir -p "$2"; echo started > "$2/kubelet.log"'
"""What `hack/cluster` does: the demo fails in the cluster, and there are logs."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a demo keeps what is needed; an earlier one has left something there."""
    place = tmp_path / "demo-results"
    place.mkdir()
    (place / "of-yesterday").touch()
    monkeypatch.setattr(keeping, "FOLDER", place)
    return place


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that stand in for kubectl and hack/cluster."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs / "kubectl", f"echo {SERVED}")
    program(programs / "cluster", LOGS)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(checkout, "HACK", programs)
    monkeypatch.setattr(cli, "provision", lambda _: {})
    return programs


def demo(folder: Path) -> int:
    """Run the inner half; return its exit status."""
    return inside.run({}, inside.Wanted(90, "demo", inject_failure=False, kept=folder))


def refuse(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the demo fail at its first step."""

    def install_operator(_: Any) -> None:
        raise error

    monkeypatch.setattr(inside, "install_operator", install_operator)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    "error", [HelmError("no"), KubectlError("no"), WaitedInVainError("no"), RequestFailedError("no")]
)
def test_a_demo_that_cannot_go_on_keeps_what_the_cluster_holds(
    error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(monkeypatch, error)
    assert demo(folder) == 1
    place = folder / keeping.CLUSTER
    assert {path.name for path in place.iterdir()} == {*evidence.QUESTIONS, evidence.OUTLINE}
    told = capsys.readouterr().err
    assert told.startswith(f"hack/demo: no\nhack/demo: the cluster when it failed, in {place}:\n{SERVED}\n")


@pytest.mark.usefixtures("machine")
def test_an_error_that_nobody_expected_goes_on_once_all_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, KeyError("status"))
    with pytest.raises(KeyError, match="status"):
        demo(folder)
    assert (folder / keeping.CLUSTER / evidence.OUTLINE).exists()


@pytest.mark.usefixtures("machine")
def test_where_nothing_can_be_written_the_first_failure_is_told_with_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    refuse(monkeypatch, HelmError("no room for the operator"))
    assert demo(tmp_path / "file") == 1
    told = capsys.readouterr().err
    assert told.startswith("hack/demo: no room for the operator\n")
    assert "could not be kept" in told


class Visited:
    """A demo's traffic that is over."""

    failures: tuple[Failure, ...] = ()
    fault: Exception | None = None

    def __init__(self, *_: Any) -> None:
        self.load = self
        self.tally = self

    def snapshot(self) -> Visited:
        return self

    def run(self) -> None:
        if self.fault:
            raise self.fault


@pytest.fixture
def traffic(machine: Path, monkeypatch: pytest.MonkeyPatch) -> type[Visited]:
    """A demo of which only the traffic is left; the ledger is whole if no request failed."""

    class Traffic(Visited):
        pass

    assert machine
    monkeypatch.setattr(inside, "_roll_out", lambda *_: "10.0.0.1")
    monkeypatch.setattr(inside, "Show", Traffic)
    monkeypatch.setattr(inside, "_verdict", lambda show, _: not show.failures)
    return Traffic


@pytest.mark.parametrize("fault", [None, WaitedInVainError("the clients have ended before")])
def test_each_request_that_failed_is_kept_with_what_finds_it_in_the_logs(
    fault: Exception | None, traffic: type[Visited], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    traffic.failures, traffic.fault = (FAILURE, FAILURE), fault
    assert demo(folder) == 1
    path = folder / keeping.REQUESTS
    assert [Failure(**json.loads(line)) for line in path.read_text().splitlines()] == [FAILURE, FAILURE]
    assert f"the requests that failed are kept in {path}\n" in capsys.readouterr().err
    assert (folder / keeping.CLUSTER / evidence.OUTLINE).exists()


def test_a_demo_that_succeeds_keeps_nothing(
    traffic: type[Visited], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert traffic.failures == ()
    assert demo(folder) == 0
    assert [path.name for path in folder.iterdir()] == ["of-yesterday"]
    assert capsys.readouterr().err == ""


def test_requests_that_cannot_be_kept_do_not_hide_why_the_traffic_ended(
    traffic: type[Visited], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    traffic.failures, traffic.fault = (FAILURE,), WaitedInVainError("the clients have ended before")
    assert demo(tmp_path / "file") == 1
    told = capsys.readouterr().err
    assert "the requests that failed could not be kept: [Errno 17]" in told
    assert "hack/demo: the clients have ended before\n" in told


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("status", [1, 130])
def test_a_demo_that_fails_keeps_the_logs_and_its_status(
    status: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_STATUS", str(status))
    assert cli.main([]) == status
    assert [str(path.relative_to(folder)) for path in folder.rglob("*.log")] == ["cluster-logs/kubelet.log"]
    assert f"the logs are kept in {folder / keeping.LOGS}\n" in capsys.readouterr().err
    assert not (folder / "of-yesterday").exists()


def test_logs_that_cannot_be_kept_change_no_status(
    machine: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(machine / "cluster", 'test "$1" = logs || exit 3; echo there is no cluster x >&2; exit 1')
    assert cli.main([]) == 3
    assert "the logs could not be kept: there is no cluster x\n" in capsys.readouterr().err
    (machine / "cluster").unlink()
    keeping.keep_logs(folder, machine / "cluster")
    assert "the logs could not be kept: [Errno 2]" in capsys.readouterr().err


@pytest.mark.usefixtures("machine")
def test_a_cluster_that_does_not_come_up_has_its_logs_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def provision(_: Any) -> dict[str, str]:
        raise subprocess.CalledProcessError(1, ["hack/cluster", "up"])

    monkeypatch.setattr(cli, "provision", provision)
    assert cli.main([]) == 1
    assert capsys.readouterr().err.startswith("hack/demo: cluster up failed; its own words are above.\n")
    assert (folder / keeping.LOGS / "kubelet.log").exists()


@pytest.mark.usefixtures("machine")
def test_a_demo_that_succeeds_leaves_nothing_of_an_earlier_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_STATUS", "0")
    assert cli.main([]) == 0
    assert not folder.exists()


@pytest.mark.usefixtures("machine")
def test_what_an_earlier_demo_has_kept_is_never_taken_for_that_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(keeping, "FOLDER", tmp_path / "file")
    assert cli.main([]) == 1
    assert "what an earlier demo has kept cannot be removed" in capsys.readouterr().err
