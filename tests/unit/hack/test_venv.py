"""Environments are told apart by what is in them, and hold the wheel of the present sources."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from pba_hack import venv


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
        '[dependency-groups]\ntest = ["pytest"]\nmutation = [{include-group = "test"}, "mutmut"]\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["operator/pba_small"]\n'
    )
    monkeypatch.setattr(venv, "CHECKOUT", root)
    monkeypatch.setattr(venv, "_CONSTRAINTS", root / "hack" / "constraints.txt")
    monkeypatch.setenv("PBA_CACHE", str(tmp_path / "cache"))
    return root


def test_an_unpacked_wheel_stays_as_it_is_when_another_is_made(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venv, "build_wheel", lambda _venv: wheel)
    package = checkout / "operator" / "pba_small" / "__init__.py"
    made = []
    for text in ('"""Small."""\n', '"""Smaller."""\n'):
        package.write_text(text)
        wheel = checkout / "small.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.write(package, "pba_small/__init__.py")
        made.append(venv.unpacked_wheel(Path("venv")))
        assert venv.unpacked_wheel(Path("venv")) == made[-1]
    assert [(folder / "pba_small" / "__init__.py").read_text() for folder in made] == [
        '"""Small."""\n',
        '"""Smaller."""\n',
    ]


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
        (folder / venv._DONE).touch()
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
