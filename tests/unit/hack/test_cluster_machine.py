"""Where something is missing, the message says what, and how to get it."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from pba_hack.cluster import binaries, disk
from pba_hack.cluster.errors import ClusterError, MissingError
from pba_hack.cluster.local import machine
from pba_hack.progress import Progress


def quiet() -> Progress:
    return Progress(io.StringIO())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingError, match="sudo"):
        machine.check(Path("/var/lib"))


def test_without_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(MissingError, match="Docker"):
        machine.check(Path("/var/lib"))


def test_without_disk(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"GiB free.*make room"):
        disk.require(tmp_path / "not" / "yet" / "there", 1 << 60, "images")


def test_without_disk_for_the_cache_another_folder_is_offered(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="PBA_CACHE"):
        disk.require(tmp_path / "cache", 1 << 60, "a build")


@pytest.mark.usefixtures("programs")
def test_without_apt_the_packages_are_named() -> None:
    with pytest.raises(MissingError, match=r"no apt.*containerd"):
        machine.install_packages(quiet(), [("no-such-containerd", "containerd")])


def test_what_is_there_is_not_installed(programs: Path) -> None:
    (programs / "present").touch(mode=0o755)
    machine.install_packages(quiet(), [("present", "package"), ("/bin/sh", "dash")])


def test_a_busybox_that_needs_libraries_does_not_count(programs: Path) -> None:
    busybox = programs / "busybox"
    busybox.write_bytes(b"\x7fELF" + bytes(500) + b"/lib64/ld-linux-x86-64.so.2")
    busybox.chmod(0o755)
    with pytest.raises(MissingError, match="busybox-static"):
        machine.install_packages(quiet(), [("busybox", "busybox-static")])
    busybox.write_bytes(b"\x7fELF" + bytes(500))
    machine.install_packages(quiet(), [("busybox", "busybox-static")])


def test_when_apt_fails_the_packages_are_named(programs: Path) -> None:
    apt = programs / "apt-get"
    apt.write_text("#!/bin/sh\necho no network; exit 100\n")
    apt.chmod(0o755)
    with pytest.raises(MissingError, match=r"(?s)no network.*install the packages runc"):
        machine.install_packages(quiet(), [("no-such-runc", "runc")])


@pytest.mark.usefixtures("programs")
def test_without_go() -> None:
    with pytest.raises(MissingError, match=r"Go is missing.*install Go 1\.26"):
        binaries.binary("init", quiet())


@pytest.mark.parametrize(("answer", "named"), [("go1.19.8", "Go is go1.19.8"), ("", "Go is broken")])
def test_with_an_old_or_broken_go(programs: Path, answer: str, named: str) -> None:
    go = programs / "go"
    go.write_text(f"#!/bin/sh\necho {answer}\n")
    go.chmod(0o755)
    with pytest.raises(MissingError, match=named):
        binaries.binary("init", quiet())


def test_an_unknown_program_is_refused_with_those_there_are() -> None:
    with pytest.raises(ClusterError, match=r"'nginx'.*kubernetes.*helm"):
        binaries.binary("nginx", quiet())


def test_a_build_is_kept_with_its_time_and_all_its_names(programs: Path) -> None:
    go = programs / "go"
    go.write_text(
        '#!/bin/sh\n[ "$1" = env ] && { echo go1.26.1; exit; }\n'
        'while [ "$1" != -o ]; do shift; done\necho "#!" > "$2"\n'
    )
    go.chmod(0o755)
    program = binaries.binary("pause", quiet())
    assert program.resolve().name == "init"
    assert (program.parent / "build.json").read_text().startswith('{"seconds"')
    go.unlink()
    assert binaries.binary("init", quiet()) == program.with_name("init")
    assert binaries.built("init") == program.with_name("init")
    assert binaries.built("pause") == program
    assert binaries.built("helm") is None
