"""`hack/bench`: what it measures, records and tells, and how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pba_hack.bench import cli, record
from pba_hack.bench.case import Case, Measured, Trial
from pba_hack.bench.samples import Values

ROOT = Path(__file__).resolve().parents[4]


class Lab:
    """A checkout of one commit, and a bench of two cases of which the figures are the test's."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.trials: list[Trial] = []
        self.figures: dict[str, Any] = {"fast": (1.0, 2.0), "slow": (9.0,)}
        self.cases = tuple(
            Case(name, "s", "<= 3", f"how {name}", self._measure(name)) for name in self.figures
        )
        (checkout / "file").write_text("first")
        (checkout / "operator").mkdir()
        (checkout / "operator" / "program.py").write_text("pass")
        (checkout / ".gitignore").write_text("bench-results/\n")
        self.git("init", "-q")
        self.commit()

    def _measure(self, name: str) -> Callable[[Trial], Measured]:
        def measure(trial: Trial) -> Measured:
            self.trials.append(trial)
            return Measured(Values(self.figures[name]))

        return measure

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.checkout), "-c", "user.name=t", "-c", "user.email=t@t", *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "--short=12", "HEAD")

    @property
    def entries(self) -> list[record.Entry]:
        return record.read(record.path(self.checkout, "operator"))

    def run(self, *words: str) -> int:
        return cli.main(["operator", *words], cases_of=lambda _bench: self.cases, checkout=self.checkout)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_one_run_is_one_case_and_is_added_to_the_record(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run("--case", "fast", "--json", "--seed", "7") == 0
    [new] = lab.entries
    assert (new["id"], new["value"], new["worst"], new["verdict"]) == ("fast", 1.5, 2.0, "reached")
    assert (new["commit"], new["command"]) == (lab.head, "./hack/bench operator --case fast --json --seed 7")
    assert new["run"]["seed"] == 7
    assert new["run"]["operator"] == lab.git("rev-parse", "--short=12", "HEAD:operator")
    assert new["run"]["seconds"] >= 0
    page = record.path(lab.checkout, "operator").with_suffix(".md").read_text()
    assert f"`operator/` at tree `{new['run']['operator']}`" in page
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["id"] for one in found["cases"]] == ["fast"]
    assert found["commit"] == lab.head
    [trial] = lab.trials
    assert (trial.seed, trial.short) == (7, False)
    assert trial.folder == lab.checkout / "bench-results/operator/fast"
    assert trial.folder.is_dir()
    assert "`fast`" in page


def test_a_case_that_misses_says_so_in_the_exit_status(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run("--case", "slow") == 1
    assert "slow: missed (n 1, reach <= 3)" in capsys.readouterr().out


def test_without_a_case_the_record_is_told_and_nothing_is_measured(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.run("--case", "fast")
    capsys.readouterr()
    assert lab.run("--json") == 1, "the other case was never measured"
    assert len(lab.trials) == 1
    out = capsys.readouterr().out
    assert "never measured" in out
    cases = json.loads(out.splitlines()[-1])["cases"]
    assert [(one["id"], one["value"], one["verdict"]) for one in cases] == [
        ("fast", 1.5, "reached"),
        ("slow", None, "not measured"),
    ]
    lab.figures["slow"] = (3.0,)
    lab.run("--case", "slow")
    assert lab.run() == 0


def test_all_goes_on_where_it_ended_at_this_commit(lab: Lab) -> None:
    lab.run("--case", "slow")
    lab.run("--all")
    assert [one["id"] for one in lab.entries] == ["slow", "fast"]
    lab.run("--all")
    assert len(lab.trials) == 2
    (lab.checkout / "file").write_text("second")
    lab.commit()
    lab.run("--all")
    assert [one["id"] for one in lab.entries] == ["slow", "fast", "fast", "slow"]


def test_a_dirty_tree_is_marked_and_the_records_themselves_do_not_make_it_dirty(lab: Lab) -> None:
    lab.run("--case", "fast")
    lab.run("--case", "fast")
    (lab.checkout / "new").write_text("not added")
    lab.run("--case", "fast")
    (lab.checkout / "new").unlink()
    (lab.checkout / "file").write_text("changed")
    lab.run("--case", "fast")
    clean, dirty = lab.head, f"{lab.head}-dirty"
    assert [one["commit"] for one in lab.entries] == [clean, clean, dirty, dirty]


def test_a_short_run_is_told_and_not_recorded(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run("--case", "fast", "--short", "--json") == 0
    assert lab.trials[0].short
    assert lab.entries == []
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["cases"][0]["verdict"] == "not distinguishable"


def test_what_fails_is_not_recorded(lab: Lab) -> None:
    lab.figures["fast"] = ()
    with pytest.raises(ValueError, match="no figures"):
        lab.run("--case", "fast")
    assert lab.entries == []


def test_the_folder_of_an_earlier_run_is_empty_again(lab: Lab) -> None:
    lab.run("--case", "fast")
    (lab.trials[0].folder / "old.log").touch()
    lab.run("--case", "fast")
    assert list(lab.trials[1].folder.iterdir()) == []


def test_the_cases_are_listed(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run("--list") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["fast", "slow"]
    assert lab.trials == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--case", "unheard-of"), "has no case 'unheard-of', only: fast, slow"),
        (("--short",), "--short is for one case"),
        (("--all", "--short"), "--short is for one case"),
    ],
)
def test_what_makes_no_sense_is_refused(
    lab: Lab, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert lab.run(*words) == 2
    assert said in capsys.readouterr().err
    assert lab.trials == []


def test_told_to_end_it_ends_what_it_has_started() -> None:
    case = """
import threading
from pba_hack.bench import cli
def main(_words):
    try:
        print("begun", flush=True)
        threading.Event().wait(60)
    finally:
        print("ended", flush=True)
cli.main = main
cli.program()
"""
    command = [sys.executable, "-c", case]
    paths = os.pathsep.join((str(ROOT / "hack"), str(ROOT / "tests" / "simulation")))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": paths}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        out, _ = process.communicate(timeout=30)
    assert out == "ended\n"
    assert process.returncode != 0


@pytest.mark.parametrize("words", [["unheard-of"], [], ["operator", "--case", "fast", "--all"]])
def test_wrong_usage_ends_with_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: hack/bench" in capsys.readouterr().err
