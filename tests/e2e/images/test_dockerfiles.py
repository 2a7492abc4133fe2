"""The Dockerfiles, built by buildah: what is in the images, and that their programs start.

Builds all three from nothing: what is shown is the files as they are, and the package index as it is.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pba_hack.checkout import CHECKOUT
from pba_hack.images import recipes
from pba_hack.images.buildah import Buildah, Built
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for

pytestmark = pytest.mark.timeout(900)
PROGRAMS = pytest.mark.parametrize("name", recipes.PROGRAMS)
Image = Callable[[str], Built]

LISTING = """
import importlib.metadata, json
print(json.dumps({found.name: found.version for found in importlib.metadata.distributions()}))
"""
UNCOMPILED = """
import importlib.util, os, pathlib, sysconfig
for folder in map(pathlib.Path, (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))):
    for path in folder.rglob("*.py"):
        if not os.path.exists(importlib.util.cache_from_source(path)):
            print(path)
"""
KUBECONFIG = {
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "users": [{"name": "none", "user": {"token": "none"}}],
    "current-context": "none",
}


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    store = tmp_path_factory.mktemp("buildah")
    yield Buildah(store)
    shutil.rmtree(store)  # pytest would keep the gigabytes of three runs


@pytest.fixture(scope="module")
def image(buildah: Buildah) -> Image:
    """Returns a program's image, built when it is first asked for."""
    return functools.cache(lambda name: buildah.build(recipes.PROGRAMS[name]))


@pytest.fixture
def ended(buildah: Buildah, image: Image) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in a container of an image to its end."""

    def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = buildah.command(image(name), *words)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    return run


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.kill()


def answer(url: str, log: Path) -> tuple[int, str]:
    """Return the first answer to a request of `url`."""

    def ask() -> tuple[int, str] | None:
        try:
            with urllib.request.urlopen(url, timeout=10) as got:  # noqa: S310  # http, on loopback
                return got.status, got.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None

    return wait_for(f"an answer; {log} says what the program did", ask, seconds=60.0)


@PROGRAMS
def test_it_runs_as_a_user_without_a_name_who_may_write_nothing(
    name: str, image: Image, ended: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert image(name).config["User"] == f"{recipes.UID}:{recipes.UID}"
    assert ended(name, "id", "--user").stdout == f"{recipes.UID}\n"
    assert ended(name, "id", "--user", "--name").returncode == 1
    writable = ended(name, "find", "/opt", "/usr", "-not", "-type", "l", "-writable")
    assert (writable.stdout, writable.returncode) == ("", 0)


@PROGRAMS
def test_no_compiler_and_nothing_of_the_build_is_left(name: str, image: Image) -> None:
    root = image(name).root
    programs = {
        path.name
        for folder in ("usr/bin", "usr/local/bin", "opt/pba/bin")
        for path in (root / folder).iterdir()
    }
    assert "sh" in programs
    assert not programs & recipes.COMPILERS
    assert [path for path in ("src", "wheel", "root/.cache") if (root / path).exists()] == []


@PROGRAMS
def test_it_holds_what_the_program_needs_in_the_pinned_versions(
    name: str, ended: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def normal(package: str) -> str:
        return re.sub(r"[-_.]+", "-", package).lower()

    lines = (CHECKOUT / "hack" / "constraints.txt").read_text("utf-8").split()
    pins = {normal(package): version for package, _, version in (line.partition("==") for line in lines)}
    found = json.loads(ended(name, "/opt/pba/bin/python", "-c", LISTING).stdout)
    versions = {normal(package): version for package, version in found.items()}
    own = {"operator": "pba-operator", "sync": "pba-operator", "demoapp": "pba-demoapp"}[name]
    assert versions.pop(own) == "0.1.0"
    assert versions.items() <= pins.items()
    needed, foreign = {
        "operator": ({"kopf", "kubernetes", "pymysql"}, {"pykube-ng", "flask"}),
        "sync": ({"pykube-ng", "prometheus-client"}, {"kubernetes", "kopf", "pymysql"}),
        "demoapp": ({"flask", "gunicorn", "sqlalchemy"}, {"kubernetes", "kopf", "pykube-ng"}),
    }[name]
    assert needed <= versions.keys()
    assert not versions.keys() & (foreign | {"pip", "hatchling"})


@PROGRAMS
def test_all_modules_are_compiled_and_what_is_never_imported_is_left_out(
    name: str, image: Image, ended: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = ended(name, "/opt/pba/bin/python", "-c", UNCOMPILED)
    assert (done.stdout, done.returncode) == ("", 0)
    packages = image(name).root / f"opt/pba/lib/python{recipes.PYTHON_VERSION}/site-packages"
    assert [unused for unused in recipes.PROGRAMS[name].unused if (packages / unused).exists()] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("operator", "PBA_SYNC_IMAGE is not set: it names the image of the sidecar"),
        ("sync", "the environment variable PBA_NAMESPACE is not set"),
    ],
)
def test_started_without_its_settings_it_says_which_and_ends(
    name: str, words: str, image: Image, ended: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    module = recipes.PROGRAMS[name].entry_point.split(".")[0]
    for command in (image(name).config["Entrypoint"], ("/opt/pba/bin/python", "-m", module)):
        done = ended(name, *command)
        assert words in done.stdout + done.stderr
        assert done.returncode == 2


def test_the_operator_starts_where_no_api_server_answers(
    buildah: Buildah, image: Image, tmp_path: Path
) -> None:
    built, port, log = image("operator"), free_port(), tmp_path / "log"
    (built.root / "tmp" / "kubeconfig").write_text(json.dumps(KUBECONFIG))
    settings = ("KUBECONFIG=/tmp/kubeconfig", "PBA_SYNC_IMAGE=pba-sync:1", f"PBA_HTTP_PORT={port}")
    with running(buildah.command(built, "env", *settings, *built.config["Entrypoint"]), log):
        assert answer(f"http://127.0.0.1:{port}/healthz", log)[0] == 200, log.read_text()


def test_the_demo_application_serves(buildah: Buildah, image: Image, tmp_path: Path) -> None:
    built, port, log = image("demoapp"), free_port(), tmp_path / "log"
    with running(buildah.command(built, "env", f"PORT={port}", *built.config["Entrypoint"]), log):
        assert answer(f"http://127.0.0.1:{port}/healthz", log) == (200, '{"status":"alive"}\n')
