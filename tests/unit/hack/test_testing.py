"""`hack/test`: what it leaves behind, and what it says of tiers without tests."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pba_hack.cluster.choice import VARIABLE
from pba_hack.testing import cli, gate, run
from pba_hack.testing.tiers import Tier

TIER = Tier("some", "some tests", alone=("some",))
EMPTY = Tier("none", "no tests", alone=("none",))
ALIAS = Tier("again", "some of the same tests", alone=("some",), apart=True)


def succeed(runner: run.Runner, command: list[str]) -> int:
    """Do nothing, but for the figures that the coverage gate asks for."""
    if command[1:4] == ["-m", "coverage", "json"]:
        summary = {"covered_branches": 99, "num_branches": 100}
        files = {f"{package}/some.py": {"summary": summary} for package in gate.PACKAGES}
        (runner.results / "branches.json").write_text(json.dumps({"files": files}))
    return 0


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> run.Runner:
    """A runner whose commands all succeed, without tests, and leave nothing."""
    monkeypatch.setattr(run, "ensure_venv", lambda *_: tmp_path / "venv")
    monkeypatch.setattr(run, "venv_with_wheel", lambda _: tmp_path / "venv-with-wheel")
    monkeypatch.setattr(run.Runner, "_status", succeed)
    monkeypatch.setattr(run, "TIERS", (TIER, EMPTY, ALIAS))
    (tmp_path / "tests/some").mkdir(parents=True)
    (tmp_path / "tests/some/test_it.py").touch()
    made = run.Runner(tmp_path)
    for name in ("some.xml", "some-alone.xml", "some-cluster.xml", "other.xml", "coverage"):
        (made.results / name).touch()
    for name in ("some-evidence", "some-cluster-logs", "other-evidence"):
        (made.results / name).mkdir()
        (made.results / name / "file").touch()
    return made


@pytest.fixture
def left(runner: run.Runner) -> Callable[[], set[str]]:
    return lambda: {path.name for path in runner.results.iterdir()}


def test_one_tier_leaves_no_earlier_result_of_its_own(
    runner: run.Runner, left: Callable[[], set[str]]
) -> None:
    assert runner.tier(TIER, [])
    assert left() == {"other.xml", "coverage", "other-evidence"}


def test_a_full_run_leaves_no_earlier_result_at_all(
    runner: run.Runner, left: Callable[[], set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner.everything()
    assert left() == {"branches.json"}
    verdicts = capsys.readouterr().out.splitlines()[-1]
    assert "some: passed" in verdicts
    assert "none" not in verdicts
    assert "again" not in verdicts, "its tests were run by another tier"


@pytest.mark.parametrize("spoilt", gate.PACKAGES)
def test_a_full_run_fails_if_branches_of_one_package_are_not_covered(
    spoilt: str, runner: run.Runner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = gate.branches
    monkeypatch.setattr(
        gate,
        "branches",
        lambda report: [
            dataclasses.replace(found, covered=94) if found.package == spoilt else found
            for found in good(report)
        ],
    )
    assert not runner.everything()
    assert "some: passed  coverage: FAILED" in capsys.readouterr().out


def test_a_tier_without_tests_says_so_and_has_not_passed(
    runner: run.Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not runner.tier(EMPTY, [])
    assert runner.everything()
    assert "none: skipped, there are no tests yet" in capsys.readouterr().out


def test_only_what_shares_nothing_of_the_machines_runs_side_by_side(
    runner: run.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def status(_: run.Runner, command: list[str]) -> int:
        commands.append(command)
        return 0

    for folder in ("tests/shy", "tests/shy/sociable"):
        (runner.root / folder).mkdir()
        (runner.root / folder / "test_it.py").touch()
    monkeypatch.setattr(run.Runner, "_status", status)
    tier = dataclasses.replace(TIER, side_by_side=("some", "shy/sociable"), alone=("shy",), processes=3)
    assert runner.tier(tier, ["-x"])
    tests, results = runner.root / "tests", runner.results
    sociable = tests / "shy/sociable"
    assert [command[3:] for command in commands] == [
        [str(tests / "some"), str(sociable), f"--junitxml={results}/some.xml", *tier.sharing(), "-x"],
        [str(tests / "shy"), f"--junitxml={results}/some-alone.xml", f"--ignore={sociable}", "-x"],
    ]


def test_a_tier_says_in_how_many_processes_it_runs() -> None:
    assert TIER.sharing()[:4] == ["-n", "logical", "--maxprocesses", "4"]
    assert dataclasses.replace(TIER, processes=3).sharing()[:2] == ["-n", "3"]


def test_what_a_tier_needs_is_built_before_its_tests_whose_time_is_limited(
    runner: run.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    def status(_: run.Runner, __: list[str]) -> int:
        happened.append("tests")
        return 0

    monkeypatch.setattr(run, "binary", happened.append)
    monkeypatch.setattr(run.Runner, "_status", status)
    assert runner.tier(dataclasses.replace(TIER, programs=("one", "other")), [])
    assert happened == ["one", "other", "tests"]


def test_a_tier_whose_programs_cannot_be_built_has_failed(
    runner: run.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise subprocess.CalledProcessError(1, name)

    monkeypatch.setattr(run, "binary", refuse)
    assert not runner.tier(dataclasses.replace(TIER, programs=("one",)), [])


@pytest.mark.parametrize(("asked", "taken"), [(None, "local"), ("", "local"), ("kind", "kind")])
def test_tests_on_nodes_have_a_local_cluster_unless_another_is_asked_for(
    runner: run.Runner, monkeypatch: pytest.MonkeyPatch, asked: str | None, taken: str
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if asked is not None:
        monkeypatch.setenv(VARIABLE, asked)
    commanded: list[str] = []

    def provision(_: list[str], environment: dict[str, str]) -> dict[str, str]:
        commanded.append(environment[VARIABLE])
        return {}

    def status(runner: run.Runner, _: list[str]) -> int:
        commanded.append(runner.environment[VARIABLE])
        return 0

    monkeypatch.setattr(run, "provision", provision)
    monkeypatch.setattr(run.Runner, "_status", status)
    assert run.Runner(runner.root).tier(Tier("nodes", "on nodes", in_cluster=("some",)), [])
    assert commanded == [taken, taken]


@pytest.mark.parametrize(
    ("statuses", "passed"),
    [
        ([0], True),
        ([0, 5], True),
        ([5, 0], True),
        ([5], False),
        ([5, 5], False),
        ([0, 1], False),
        ([1, 5], False),
    ],
)
def test_a_half_of_which_nothing_was_chosen_does_not_count(statuses: list[int], passed: bool) -> None:
    assert run.has_passed(statuses) == passed


@pytest.mark.parametrize(
    ("words", "expected"), [(["chaos", "-x"], ["--long", "-x"]), (["unit", "-x"], ["-x"])]
)
def test_a_tier_that_is_asked_for_by_its_name_runs_in_its_long_form(
    words: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    class Asked:
        def __init__(self, _root: Path) -> None:
            pass

        def tier(self, _tier: Tier, options: list[str]) -> bool:
            asked.append(options)
            return True

    monkeypatch.setattr(cli, "Runner", Asked)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    assert cli.main(words) == 0
    assert asked == [expected]
