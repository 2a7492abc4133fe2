"""Environments are told apart by what is in them, and those with a wheel hold that of the present sources."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pba_hack import venv
from pba_hack.progress import CommandFailedError


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as small as can be, in the place of ours."""
    root = tmp_path / "checkout"
    (root / "operator" / "pba_small").mkdir(parents=True)
    (root / "operator" / "pba_small" / "__init__.py").write_text('"""Small."""\n')
    (root / "hack").mkdir()
    (root / "hack" / "constraints.txt").write_text("kopf==1.0\n")
    (root / "README.md").write_text("Small\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "pba-small"\nversion = "1"\ndependencies = []\n'
        '[project.optional-dependencies]\noperator = ["kopf~=1.0"]\nsync = ["pykube-ng"]\n'
        '[project.scripts]\npba-small = "pba_small:main"\n'
        '[dependency-groups]\ntest = ["pytest"]\nmutation = [{include-group = "test"}, "mutmut"]\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["operator/pba_small"]\n'
    )
    monkeypatch.setattr(venv, "CHECKOUT", root)
    monkeypatch.setattr(venv, "_CONSTRAINTS", root / "hack" / "constraints.txt")
    monkeypatch.setenv("PBA_CACHE", str(tmp_path / "cache"))
    return root


SAYS = '"""Small."""\n\ndef main():\n    import pytest\n    print({!r})\n'


def said(command: list[str | Path]) -> str:
    """What a program prints that is started without anything of our own environment."""
    return subprocess.run(command, env={}, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_checkouts_with_different_contents_run_their_own(checkout: Path) -> None:
    package = checkout / "operator" / "pba_small"
    (package / "__main__.py").write_text("import pba_small\n\npba_small.main()\n")
    made = {}
    for text in ("one", "another"):
        (package / "__init__.py").write_text(SAYS.format(text))
        made[text] = venv.venv_with_wheel(Path(sys.prefix))
        assert venv.venv_with_wheel(Path(sys.prefix)) == made[text]
    for text, environment in made.items():
        programs = environment / "bin"
        assert said([programs / "python", "-m", "pba_small"]) == f"{text}\n"
        assert said([programs / "pba-small"]) == f"{text}\n"
        where = said([programs / "python", "-c", "import pba_small; print(pba_small.__file__)"])
        assert Path(where).is_relative_to(environment), "the installed wheel is what runs"


def test_an_environment_whose_making_was_interrupted_is_made_anew(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "operator" / "pba_small" / "__init__.py").write_text(SAYS.format("whole"))
    with monkeypatch.context() as broken:
        broken.setattr(venv, "build_wheel", lambda _: checkout / "none.whl")
        with pytest.raises(CommandFailedError):
            venv.venv_with_wheel(Path(sys.prefix))
    assert said([venv.venv_with_wheel(Path(sys.prefix)) / "bin" / "pba-small"]) == "whole\n"


@pytest.mark.usefixtures("checkout")
def test_only_what_is_asked_for_is_required() -> None:
    assert venv._requirements(["operator"], None) == ["kopf~=1.0"]
    assert venv._requirements(["operator", "sync"], "test") == ["kopf~=1.0", "pykube-ng", "pytest"]
    assert venv._requirements(["operator"], "mutation") == ["kopf~=1.0", "mutmut", "pytest"]


def test_an_environment_is_made_once_and_anew_when_a_pin_changes(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def create(folder: Path, _requirements: object, _progress: object) -> None:
        folder.mkdir(parents=True)
        made.append(folder)

    monkeypatch.setattr(venv, "_create", create)
    first = venv.ensure_venv(["operator"])
    assert venv.ensure_venv(["operator"]) == first
    assert made == [first]
    (checkout / "hack" / "constraints.txt").write_text("kopf==1.1\n")
    assert venv.ensure_venv(["operator"]) != first


def test_the_wheel_follows_the_sources(checkout: Path) -> None:
    environment = Path(sys.prefix)
    first = venv.build_wheel(environment)
    assert venv.build_wheel(environment) == first
    (checkout / "operator" / "pba_small" / "more.py").write_text('"""More."""\n')
    second = venv.build_wheel(environment)
    assert second != first
    with zipfile.ZipFile(second) as wheel:
        assert "pba_small/more.py" in wheel.namelist()
