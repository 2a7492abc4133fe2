"""The Dockerfiles keep to the rules, and say the same as the recipes for machines without Docker."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pba_hack.checkout import CHECKOUT
from pba_hack.images import engine, recipes
from pba_hack.images.recipes import PythonImage

PROGRAMS = pytest.mark.parametrize("image", recipes.PROGRAMS.values(), ids=recipes.PROGRAMS.keys())
COMPILERS = r"\b(gcc|g\+\+|build-essential|cargo|rustc|golang|make)\b"


def instructions(image: PythonImage) -> list[tuple[str, str]]:
    text = (engine.DOCKERFILES / f"{image.name}.Dockerfile").read_text("utf-8")
    lines = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", " ").splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def final_stage(image: PythonImage) -> list[tuple[str, str]]:
    found = instructions(image)
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


@PROGRAMS
def test_all_stages_have_one_base_that_is_pinned_to_a_patch_level(image: PythonImage) -> None:
    official, *stages = [rest for word, rest in instructions(image) if word == "FROM"]
    assert re.fullmatch(rf"python:{re.escape(recipes.PYTHON_VERSION)}\.\d+-slim-[a-z]+ AS base", official)
    assert stages == ["base AS build", "base"]


@PROGRAMS
def test_the_final_stage_runs_the_recipes_command_as_its_user_and_installs_nothing(
    image: PythonImage,
) -> None:
    stage = final_stage(image)
    users = [rest for word, rest in stage if word == "USER"]
    assert users == [f"{recipes.UID}:{recipes.UID}"]
    assert not [rest for word, rest in stage if word == "RUN"]
    [entry] = [json.loads(rest) for word, rest in stage if word == "ENTRYPOINT"]
    assert [Path(word).name for word in entry] == [image.command]
    assert [rest for word, rest in stage if word == "COPY"] == ["--from=build /opt/pba /opt/pba"]


@PROGRAMS
def test_it_installs_what_the_recipe_installs(image: PythonImage) -> None:
    text = " ".join(rest for word, rest in instructions(image) if word == "RUN")
    wanted = f"['optional-dependencies']['{image.extra}']" if image.extra else "['project']['dependencies']"
    assert wanted in text
    assert "--constraint constraints.txt" in text
    assert "--only-binary :all:" in text
    assert not re.search(COMPILERS, text)
    packages = f"/opt/pba/lib/python{recipes.PYTHON_VERSION}/site-packages"
    assert re.findall(r"rm -r (\S+)", text) == [f"{packages}/{unused}" for unused in image.unused]


@PROGRAMS
def test_its_wheel_is_built_by_a_pinned_backend_that_asks_no_index(image: PythonImage) -> None:
    commands = [
        command.strip()
        for word, rest in instructions(image)
        if word == "RUN"
        for command in rest.split("&&")
        if command.strip().startswith("pip ")
    ]
    backend, _, built, installed = commands
    assert "['build-system']['requires']" in " ".join(rest for _, rest in instructions(image))
    assert backend.endswith("--constraint constraints.txt --requirement backend.txt")
    assert "--no-build-isolation" in built
    for command in (built, installed):
        assert {"--no-index", "--no-deps"} <= set(command.split())


@PROGRAMS
def test_the_build_is_sent_what_it_copies_and_nothing_else(image: PythonImage) -> None:
    ignored, *patterns = [
        line
        for line in (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert ignored == "*"
    sent = {Path(pattern[1:]) for pattern in patterns if pattern.startswith("!")}
    copied = [
        Path(name)
        for word, rest in instructions(image)
        if word == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    ]
    assert [name for name in copied if not sent & {name, *name.parents}] == []


@PROGRAMS
def test_whatever_it_copies_is_there_and_counts_for_the_tag(image: PythonImage) -> None:
    sources = engine.program_sources(image)
    for word, rest in instructions(image):
        if word == "COPY" and not rest.startswith("--from"):
            for name in rest.split()[:-1]:
                assert (CHECKOUT / name).exists(), name
                assert any(source.is_relative_to(CHECKOUT / name) for source in sources), name


def test_there_is_one_for_each_program() -> None:
    assert {path.stem for path in engine.DOCKERFILES.iterdir()} == set(recipes.PROGRAMS)
