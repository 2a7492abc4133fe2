"""The cases run with the operator of this checkout, whatever another one installs meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pba_hack.bench import launch

ROOT = Path(__file__).resolve().parents[4]


def test_the_cases_run_in_an_environment_with_the_wheel_of_this_checkout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[Any] = []
    monkeypatch.setattr(launch, "ensure_venv", lambda *_asked: Path("/venv"))
    monkeypatch.setattr(launch, "venv_with_wheel", lambda venv: venv / "wheel")
    monkeypatch.setattr(os, "execve", lambda *arguments: called.extend(arguments))
    monkeypatch.setenv("PBA_CACHE", "/kept")
    launch.main(["operator", "--json"])
    program, words, environment = called
    assert program == "/venv/wheel/bin/python"
    assert words == [program, "-m", "pba_hack.bench.cli", "operator", "--json"]
    assert environment["PBA_CACHE"] == "/kept"
    paths = environment["PYTHONPATH"].split(os.pathsep)
    assert paths == [str(ROOT / folder) for folder in ("hack", "tests/simulation", "tests/lab")]


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["unheard-of"], 2)])
def test_help_and_wrong_usage_install_nothing(
    words: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(launch, "ensure_venv", asked.append)
    with pytest.raises(SystemExit) as ended:
        launch.main(words)
    assert (ended.value.code, asked) == (code, [])
