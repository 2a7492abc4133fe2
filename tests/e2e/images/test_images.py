"""The images as built: what is in them, what is not, and that the same inputs give the same bytes.

Reads the archives; needs no cluster. The first run on a machine builds them.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pba_hack.checkout import CHECKOUT
from pba_hack.images import build, layers, python_layers, recipes, rootfs
from pba_hack.venv import ensure_venv

ALL = pytest.mark.parametrize("name", build.NAMES)
PROGRAMS = pytest.mark.parametrize("name", recipes.PROGRAMS)
SERVERS = pytest.mark.parametrize("name", recipes.SERVERS)
FIXES = (
    "BUG/MEDIUM: server/cli: don't delete a dynamic server that has streams",
    "BUG/MAJOR: server: fix stream crash due to deleted server",
    "BUG/MEDIUM: server: fix dynamic servers initial settings",
    "BUG/MINOR: server: fix slowstart behavior",
    "BUG/MEDIUM: server: fix race on servers_list during server deletion",
)
"""What makes adding and deleting servers at run time safe (their commits: 95c4d2482, 1b8c5abee, 8a31783b6,
0797e05d9, and the fix of haproxy#2733)."""


class Archive:
    """An OCI archive, read."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as tar:
            index = _json(tar, "index.json")["manifests"][0]
            self.digest = index["digest"]
            self.reference = index["annotations"]["io.containerd.image.name"]
            self.manifest = _json(tar, _blob(self.digest))
            self.config = _json(tar, _blob(self.manifest["config"]["digest"]))["config"]
            self.layers = [layer["digest"] for layer in self.manifest["layers"]]
            self.files: dict[str, tarfile.TarInfo] = {}
            for layer in self.layers:
                with tarfile.open(fileobj=tar.extractfile(_blob(layer))) as content:
                    self.files.update({f"/{member.name}": member for member in content})


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _json(tar: tarfile.TarFile, name: str) -> Any:
    content = tar.extractfile(name)
    assert content is not None
    return json.load(content)


@cache
def image(name: str) -> build.Image:
    return build.build(name)


@cache
def archive(name: str) -> Archive:
    return Archive(image(name).tar)


@ALL
def test_an_image_has_a_shell_and_no_compiler(name: str) -> None:
    programs = {Path(path).name for path in archive(name).files if re.match(r"/usr/(local/)?s?bin/", path)}
    assert "sh" in programs
    assert not programs & recipes.COMPILERS


@ALL
def test_every_file_is_readable_for_the_pods_user(name: str) -> None:
    secret = {
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/shadow-",
        "/etc/gshadow-",
        "/etc/.pwd.lock",
        "/etc/security/opasswd",
    }
    closed = [
        path
        for path, info in archive(name).files.items()
        if (info.isreg() and not info.mode & 0o004) or (info.isdir() and not info.mode & 0o001)
    ]
    assert {
        path for path in closed if path not in secret and not path.startswith(("/root", "/var/lib/"))
    } == set()


@ALL
def test_the_archive_carries_the_reference_that_is_printed(name: str) -> None:
    assert archive(name).reference == image(name).reference


@PROGRAMS
def test_a_program_runs_as_a_numeric_user_who_is_not_root(name: str) -> None:
    config = archive(name).config
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == [f"/usr/local/bin/{recipes.PROGRAMS[name].command}"]
    assert archive(name).files[config["Entrypoint"][0]].mode & 0o111


@PROGRAMS
def test_the_programs_code_is_a_layer_of_its_own_and_the_interpreter_is_shared(name: str) -> None:
    found = archive(name)
    assert len(found.layers) == 3
    assert found.layers[0] == archive("operator").layers[0]
    assert found.manifest["layers"][2]["size"] < 4 << 20


@PROGRAMS
def test_all_modules_are_compiled(name: str) -> None:
    files = archive(name).files
    modules = [path for path in files if path.startswith(python_layers.PACKAGES) and path.endswith(".py")]
    compiled = {path for path in files if path.endswith(".pyc")}
    tag = "cpython-" + recipes.PYTHON_VERSION.replace(".", "")
    missing = [p for p in modules if f"{Path(p).parent}/__pycache__/{Path(p).stem}.{tag}.pyc" not in compiled]
    assert modules
    assert not missing


def packages_in(name: str) -> set[str]:
    prefix = f"{python_layers.PACKAGES}/"
    return {
        path.removeprefix(prefix).split("/")[0] for path in archive(name).files if path.startswith(prefix)
    }


def test_the_operators_image_is_without_the_sidecars_client() -> None:
    assert {"kopf", "kubernetes", "pymysql", "pba_operator"} <= packages_in("operator")
    assert "pykube" not in packages_in("operator")


def test_the_sidecars_image_is_without_the_operators_client() -> None:
    assert {"pykube", "prometheus_client", "pba_sync"} <= packages_in("sync")
    assert not {"kubernetes", "kopf", "pymysql"} & packages_in("sync")


def test_the_demo_applications_image_knows_nothing_of_kubernetes() -> None:
    assert {"flask", "sqlalchemy", "gunicorn", "pba_demoapp"} <= packages_in("demoapp")
    assert not {"kubernetes", "kopf", "pykube", "pba_operator"} & packages_in("demoapp")


def test_haproxy_has_the_fixes_without_which_servers_cannot_be_changed_at_run_time() -> None:
    root = rootfs.rootfs("haproxy")
    changelog = gzip.decompress((root / "usr/share/doc/haproxy/changelog.gz").read_bytes()).decode()
    assert [fix for fix in FIXES if fix not in changelog] == []
    version = tuple(int(part) for part in archive("haproxy").reference.rpartition(":")[2].split("."))
    assert version >= (3, 0, 11)


def test_mysql_is_9_7_with_the_plugins_of_a_group() -> None:
    assert re.fullmatch(r"localhost/mysql:9\.7\.\d+", archive("mysql").reference)
    for plugin in ("group_replication", "mysql_clone"):
        assert f"/usr/lib/mysql/plugin/{plugin}.so" in archive("mysql").files


@SERVERS
def test_a_servers_programs_start(name: str) -> None:
    program = {"mysql": "/usr/sbin/mysqld", "haproxy": "/usr/sbin/haproxy"}[name]
    option = {"mysql": "--version", "haproxy": "-v"}[name]
    command = rootfs.command(rootfs.rootfs(name), program, option)
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert archive(name).reference.rpartition(":")[2] in said


@PROGRAMS
def test_a_program_is_found_and_imported_by_the_images_own_interpreter(name: str, tmp_path: Path) -> None:
    with tarfile.open(image(name).tar) as outer:
        for layer in archive(name).layers:
            with tarfile.open(fileobj=outer.extractfile(_blob(layer))) as tar:
                tar.extractall(tmp_path, filter="fully_trusted")  # noqa: S202  # our own archive
    tmp_path.chmod(0o755)
    module = recipes.PROGRAMS[name].entry_point.split(":")[0]
    user = ("chroot", "--userspec=65532:65532", str(tmp_path))
    code = f"import importlib.util, {module.split('.')[0]}; assert importlib.util.find_spec('{module}')"
    subprocess.run([*user, "python3", "-c", code], check=True)


@pytest.mark.parametrize("name", recipes.NATIVES)
def test_a_program_that_needs_no_other_file_runs_alone(name: str, tmp_path: Path) -> None:
    found = archive(name)
    assert found.config["User"] == "65532:65532"
    assert not {Path(path).name for path in found.files} & {"sh", *recipes.COMPILERS}
    with tarfile.open(image(name).tar) as outer:
        (layer,) = found.layers
        with tarfile.open(fileobj=outer.extractfile(_blob(layer))) as tar:
            tar.extractall(tmp_path, filter="fully_trusted")  # noqa: S202  # our own archive
    tmp_path.chmod(0o755)
    command = ["chroot", "--userspec=65532:65532", str(tmp_path), *found.config["Entrypoint"], "-help"]
    assert "-tally" in subprocess.run(command, capture_output=True, text=True, check=True).stderr


def fresh_cache(monkeypatch: pytest.MonkeyPatch, folder: Path, *shared: Path) -> None:
    """Begin with an empty cache, but for the given folders of the present one."""
    for path in shared:
        link = folder / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    monkeypatch.setenv("PBA_CACHE", str(folder))


def test_a_servers_layer_made_twice_is_the_same_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = archive("haproxy").digest
    fresh_cache(monkeypatch, tmp_path)
    again = build.build("haproxy")
    assert again.tar.is_relative_to(tmp_path)
    assert Archive(again.tar).digest == digest


def test_a_programs_layers_made_twice_are_the_same_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = archive("sync").digest
    base = python_layers.interpreter()
    venv = ensure_venv(("operator", "sync"), "test")
    fresh_cache(monkeypatch, tmp_path, base.tar.parent, rootfs.unpacked(base), venv)
    again = build.build("sync")
    assert again.tar.is_relative_to(tmp_path)
    assert Archive(again.tar).digest == digest


def test_what_is_cached_needs_no_network() -> None:
    for name in build.NAMES:
        build.build(name)
    command = ["unshare", "--net", str(CHECKOUT / "hack" / "images"), "build"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    printed = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in printed] == list(build.NAMES)
    assert all(Path(line[2]).is_file() for line in printed)


def test_the_packages_of_a_layer_are_on_record() -> None:
    found = layers.packages(layers.debian_layer("haproxy", recipes.HAPROXY.root))
    assert build.upstream_version(found["haproxy"]) == archive("haproxy").reference.rpartition(":")[2]
