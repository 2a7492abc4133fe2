"""What is in an image archive, and what of it a node still needs."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import archives, images
from pba_hack.cluster.local.blobs import BlobStore
from pba_hack.oci import ImageConfig, write_archive, write_files_layer


def test_an_archive_tells_its_images(tmp_path: Path) -> None:
    digest = write_archive(tmp_path / "a.tar", "localhost/app:1", [], ImageConfig())
    assert archives.contents(tmp_path / "a.tar") == {"localhost/app:1": digest}


def test_what_is_no_archive_is_refused_before_any_node_sees_it(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("text")
    with pytest.raises(ClusterError, match=r"a\.tar is no OCI image archive"):
        images.load([tmp_path / "a.tar"], [], BlobStore(tmp_path))


def test_an_archive_without_names_is_refused(tmp_path: Path) -> None:
    index = b'{"manifests": [{"digest": "sha256:00"}]}'
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        entry = tarfile.TarInfo("index.json")
        entry.size = len(index)
        tar.addfile(entry, io.BytesIO(index))
    with pytest.raises(ClusterError, match="names no image"):
        archives.contents(tmp_path / "a.tar")


def test_what_a_node_has_is_left_out(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    write_files_layer(layer, {"file": Path(__file__)})
    write_archive(tmp_path / "a.tar", "localhost/app:1", [layer], ImageConfig())
    with tarfile.open(tmp_path / "a.tar") as tar:
        whole = tar.getnames()
    [*_, last] = whole
    target = io.BytesIO()
    archives.copy_without(tmp_path / "a.tar", {"sha256:" + last.removeprefix("blobs/sha256/")}, target)
    target.seek(0)
    with tarfile.open(fileobj=target) as tar:
        assert tar.getnames() == whole[:-1]


def test_a_common_layer_is_kept_once_and_linked_into_each_node(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"x" * (1 << 20))
    write_files_layer(tmp_path / "layer.tar", {"big": big})
    write_archive(tmp_path / "a.tar", "localhost/app:1", [tmp_path / "layer.tar"], ImageConfig())
    blobs = BlobStore(tmp_path / "blobs")
    [digest] = blobs.take(tmp_path / "a.tar")
    assert blobs.take(tmp_path / "a.tar") == [digest]
    assert blobs.path(digest).read_bytes() == (tmp_path / "layer.tar").read_bytes()
    for node in ("node1", "node2"):
        blobs.link(digest, tmp_path / node)
        blobs.link(digest, tmp_path / node)
    assert blobs.path(digest).stat().st_nlink == 3


def test_a_damaged_layer_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        entry = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
        entry.size = 1 << 20
        tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    blobs = BlobStore(tmp_path / "blobs")
    with pytest.raises(ClusterError, match="is damaged"):
        blobs.take(tmp_path / "a.tar")
    assert not list((tmp_path / "blobs").iterdir())
