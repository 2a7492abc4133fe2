"""Which images there are, how they are named, and what is done where a Docker engine answers."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from pba_hack import cache
from pba_hack.checkout import CHECKOUT
from pba_hack.cluster.choice import VARIABLE
from pba_hack.images import build, debian, recipes
from pba_hack.images.buildah import index_settings
from pba_hack.images.cli import main
from pba_hack.images.debian import CannotBuildError

DOCKER = """#!/bin/sh
echo "$@" >> "$0.calls"
case "$1" in
  info) exit {info} ;;
  build) for folder in "$@"; do :; done; cat "$folder/Dockerfile" >> "$0.built" 2>/dev/null || true ;;
  save) echo archive > "$3" ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker client that notes what it is asked; it stands first in the PATH."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER.format(info=0))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("PBA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return program


def calls(docker: Path) -> list[str]:
    return Path(f"{docker}.calls").read_text().splitlines()


def test_where_docker_answers_a_program_is_built_by_its_dockerfile(docker: Path) -> None:
    image = build.build("sync")
    assert image.reference.startswith("localhost/pba-sync:")
    assert image.tar.read_text() == "archive\n"
    built, saved = (line.split() for line in calls(docker)[1:])
    assert built[:2] == ["build", "--file"]
    assert built[-3:] == ["--tag", image.reference, str(CHECKOUT)]
    assert saved[0] == "save"
    assert saved[-1] == image.reference


def test_where_docker_answers_a_server_is_its_official_image_under_our_name_of_one_platform(
    docker: Path,
) -> None:
    image = build.build("mysql")
    assert image.reference == "localhost/mysql:9.7.4"
    built, saved = (line.split() for line in calls(docker)[1:])
    assert built[:4] == ["build", "--pull", "--tag", "localhost/mysql:9.7.4"]
    assert Path(f"{docker}.built").read_text() == "FROM mysql:9.7.4\n"
    assert saved[0] == "save"
    assert saved[-1] == image.reference


def test_what_is_built_is_not_built_again(docker: Path) -> None:
    first = build.build("haproxy")
    asked = len(calls(docker))
    assert build.build("haproxy") == first
    assert calls(docker)[asked:] == ["info"]


@pytest.mark.parametrize(("info", "chosen"), [(1, "auto"), (0, "local")], ids=["no engine", "local chosen"])
def test_for_a_local_cluster_docker_is_not_asked_to_build(
    docker: Path, monkeypatch: pytest.MonkeyPatch, info: int, chosen: str
) -> None:
    docker.write_text(DOCKER.format(info=info))
    monkeypatch.setenv(VARIABLE, chosen)
    made = build.Image("mysql", "localhost/by-its-recipe:1", docker)
    monkeypatch.setattr(build, "_server", {recipes.SERVERS["mysql"]: made}.get)
    assert build.build("mysql") == made


def test_a_provider_that_there_is_not_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "podman")
    assert main(["build", "mysql"]) == 1
    assert "hack/images: PBA_CLUSTER_PROVIDER is 'podman'" in capsys.readouterr().err


def test_archives_of_old_code_do_not_pile_up(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del docker
    for number in range(6):
        monkeypatch.setattr(cache, "content_key", lambda *_, n=number, **__: f"key-{n}")
        newest = build.build("demoapp")
    kept = sorted(path.name for path in newest.tar.parents[1].iterdir())
    assert kept == ["demoapp-key-3", "demoapp-key-4", "demoapp-key-5"]


def test_an_image_that_nobody_knows_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "postgres"]) == 1
    assert "postgres: there are operator, sync, demoapp, mysql, haproxy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("package", "software"),
    [("3.0.11-1+deb13u4", "3.0.11"), ("9.7.4-2", "9.7.4"), ("1:2.0-3", "2.0"), ("5", "5")],
)
def test_the_tag_is_the_softwares_version_not_the_packages(package: str, software: str) -> None:
    assert build.upstream_version(package) == software


@pytest.mark.parametrize("image", recipes.PROGRAMS.values(), ids=recipes.PROGRAMS.keys())
def test_each_program_is_a_script_of_its_project(image: recipes.PythonImage) -> None:
    metadata = tomllib.loads((CHECKOUT / image.project / "pyproject.toml").read_text("utf-8"))
    assert metadata["project"]["scripts"][image.command] == image.entry_point


def test_the_demo_application_is_pinned_as_everything_else_is() -> None:
    pins = {line.lower() for line in (CHECKOUT / "hack" / "constraints.txt").read_text("utf-8").split()}
    assert {line.lower() for line in build.requirements(CHECKOUT / "hack" / "demoapp", "")} <= pins


def test_nothing_that_we_write_imports_what_the_operators_image_leaves_out() -> None:
    [unused] = recipes.PROGRAMS["operator"].unused
    module = unused.replace("/", ".")
    assert module == "kubernetes.aio"
    for path in (CHECKOUT / "operator").rglob("*.py"):
        assert module not in path.read_text("utf-8"), path


def test_the_archive_is_the_one_that_this_machines_apt_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = "mirror://a/ other main\nmirror://security/ trixie-security main\nmirror://b/ trixie main\n"
    monkeypatch.setattr(debian, "_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "trixie"})
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, listed, ""))
    assert debian.mirror() == "mirror://b/"


def test_a_machine_without_debians_archive_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "_os_release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "noble"})
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "", ""))
    with pytest.raises(CannotBuildError, match="use a Debian machine, or one with a Docker engine"):
        debian.mirror()


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotBuildError, match="sudo"):
        debian.bootstrap(recipes.HAPROXY.root, tmp_path / "root.tar")


def test_a_build_is_told_the_index_of_the_machines_pip_where_the_environment_overrules_its_files() -> None:
    listed = (
        ":env:.index-url='of-the-environment'",
        "global.disable-pip-version-check='1'",
        "global.extra-index-url='one\\ntwo'",
        "global.index-url='of-the-file'",
    )
    assert index_settings(listed) == {"extra-index-url": "one\n  two", "index-url": "of-the-environment"}


def test_images_are_listed_for_programs(docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del docker
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [image["name"] for image in listed] == list(build.NAMES)
    assert all(Path(image["tar"]).is_file() and image["reference"] for image in listed)
