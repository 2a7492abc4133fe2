"""The image archive: reproducible, and in the shape that containerd and Docker read."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pba_hack.oci import ImageConfig, write_archive, write_files_layer

CONFIG = ImageConfig(
    entrypoint=["/bin/app"],
    command=["serve"],
    user="1000:1000",
    env={"B": "2", "A": "1"},
    workdir="/srv",
    stop_signal="SIGUSR1",
    labels={"version": "1"},
)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    program = tmp_path / "app"
    program.write_text("#!/bin/sh\n")
    write_files_layer(tmp_path / "layer.tar", {"bin/app": program}, {"bin/alias": "app"})
    return tmp_path / "layer.tar"


def blob(archive: Path, digest: str) -> bytes:
    with tarfile.open(archive) as tar:
        found = tar.extractfile("blobs/sha256/" + digest.removeprefix("sha256:"))
        assert found
        data = found.read()
    assert "sha256:" + hashlib.sha256(data).hexdigest() == digest
    return data


def manifest_of(archive: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with tarfile.open(archive) as tar:
        index = tar.extractfile("index.json")
        assert index
        [descriptor] = json.load(index)["manifests"]
    return descriptor, json.loads(blob(archive, descriptor["digest"]))


def test_everything_is_under_its_digest(layer: Path, tmp_path: Path) -> None:
    digest = write_archive(tmp_path / "image.tar", "localhost/app:1", [layer], CONFIG)
    descriptor, manifest = manifest_of(tmp_path / "image.tar")
    assert descriptor["digest"] == digest
    assert descriptor["annotations"]["io.containerd.image.name"] == "localhost/app:1"
    [listed] = manifest["layers"]
    assert blob(tmp_path / "image.tar", listed["digest"]) == layer.read_bytes()
    config = json.loads(blob(tmp_path / "image.tar", manifest["config"]["digest"]))
    assert config["rootfs"]["diff_ids"] == [listed["digest"]]


def test_the_configuration_says_how_containers_start(layer: Path, tmp_path: Path) -> None:
    write_archive(tmp_path / "image.tar", "localhost/app:1", [layer], CONFIG)
    _, manifest = manifest_of(tmp_path / "image.tar")
    started = json.loads(blob(tmp_path / "image.tar", manifest["config"]["digest"]))["config"]
    assert started["Entrypoint"] == ["/bin/app"]
    assert started["Cmd"] == ["serve"]
    assert started["User"] == "1000:1000"
    assert started["WorkingDir"] == "/srv"
    assert started["StopSignal"] == "SIGUSR1"
    assert started["Env"][1:] == ["A=1", "B=2"]
    assert started["Env"][0].startswith("PATH=")


def test_equal_input_gives_equal_bytes(layer: Path, tmp_path: Path) -> None:
    write_archive(tmp_path / "one.tar", "localhost/app:1", [layer], CONFIG)
    os.utime(layer, (1, 1))
    write_archive(tmp_path / "two.tar", "localhost/app:1", [layer], CONFIG)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_layer_twice_is_stored_once(layer: Path, tmp_path: Path) -> None:
    write_archive(tmp_path / "image.tar", "localhost/app:1", [layer, layer], CONFIG)
    with tarfile.open(tmp_path / "image.tar") as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))


def test_a_small_layer_holds_programs_links_and_tmp(layer: Path) -> None:
    with tarfile.open(layer) as tar:
        entries = {entry.name: entry for entry in tar}
    assert entries["bin/app"].mode == 0o755
    assert entries["bin/alias"].linkname == "app"
    assert entries["tmp"].mode == 0o1777
    assert {entry.mtime for entry in entries.values()} == {0}
