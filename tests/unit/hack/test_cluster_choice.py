"""Which provider is taken, and what is said when it cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pba_hack import docker
from pba_hack.cluster import choice, cli
from pba_hack.cluster.errors import ClusterError, MissingError
from pba_hack.cluster.kind.provider import KindProvider
from pba_hack.cluster.local.provider import LocalProvider
from pba_hack.cluster.provider import Status


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(choice.VARIABLE, raising=False)


def engine(monkeypatch: pytest.MonkeyPatch, *, answers: bool) -> None:
    monkeypatch.setattr(docker, "answers", lambda: answers)


@pytest.mark.parametrize(
    ("option", "variable", "answers", "expected"),
    [
        ("", None, True, "kind"),
        ("", None, False, "local"),
        ("", "", True, "kind"),
        ("auto", None, True, "kind"),
        ("local", None, True, "local"),
        ("", "local", True, "local"),
        ("kind", "local", True, "kind"),
        ("local", "kind", False, "local"),
        ("auto", "kind", False, "local"),
    ],
)
def test_the_option_comes_before_the_variable_and_docker_decides_the_rest(
    monkeypatch: pytest.MonkeyPatch, option: str, variable: str | None, answers: bool, expected: str
) -> None:
    engine(monkeypatch, answers=answers)
    if variable is not None:
        monkeypatch.setenv(choice.VARIABLE, variable)
    assert choice.chosen(option) == expected


def test_who_chooses_local_does_not_wait_for_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "answers", lambda: pytest.fail("Docker was asked"))
    assert choice.chosen("local") == "local"


def test_kind_without_an_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    engine(monkeypatch, answers=False)
    with pytest.raises(MissingError, match=r"`docker info`.*start it, or .*PBA_CLUSTER_PROVIDER=local"):
        choice.chosen("kind")


def test_a_choice_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(choice.VARIABLE, "minikube")
    with pytest.raises(
        ClusterError, match=r"PBA_CLUSTER_PROVIDER is 'minikube': choose from auto, kind, local"
    ):
        choice.chosen()


@pytest.mark.parametrize(
    "words", [["status", "--json", "--provider", "{}"], ["--provider", "{}", "status", "--json"]]
)
@pytest.mark.parametrize("name", ["kind", "local"])
def test_the_command_line_takes_the_provider_that_is_named(
    words: list[str], name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine(monkeypatch, answers=True)
    for made in (KindProvider, LocalProvider):
        status = Status("x", made.__name__, "up", (), None, None, None)
        monkeypatch.setattr(made, "status", lambda _self, status=status: status)
    monkeypatch.setenv("PBA_CACHE", "/nowhere")
    assert cli.main([word.format(name) for word in words]) == 0
    assert json.loads(capsys.readouterr().out)["provider"].lower() == f"{name}provider"


def test_the_command_line_tells_of_a_bad_choice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PBA_CACHE", str(tmp_path))
    monkeypatch.setenv(choice.VARIABLE, "docker")
    assert cli.main(["status"]) == 1
    assert "hack/cluster: PBA_CLUSTER_PROVIDER is 'docker': choose from auto" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["status", "--provider", "minikube"])
    error = capsys.readouterr().err
    assert all(word in error for word in ("--provider", "minikube", *choice.CHOICES))
