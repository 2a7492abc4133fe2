"""Whether a Docker engine answers, by clients that stand in for Docker's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack import docker


def client(folder: Path, text: str) -> None:
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands first in the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    return tmp_path


@pytest.mark.parametrize(("status", "answers"), [(0, True), (1, False)])
def test_an_engine_answers_if_its_client_gets_to_it(folder: Path, status: int, answers: bool) -> None:
    client(folder, f"echo information; exit {status}")
    assert docker.answers() is answers


def test_without_a_client_nothing_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert not docker.answers()


def test_an_engine_that_hangs_does_not_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "_ANSWER_SECONDS", 0.2)
    client(folder, "exec sleep 600")
    assert not docker.answers()
