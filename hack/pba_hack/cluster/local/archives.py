"""Reads OCI image archives (OCI image-spec, image-layout.md)."""

import json
import tarfile
from collections.abc import Collection
from pathlib import Path
from typing import IO

from pba_hack.cluster.errors import ClusterError

__all__ = ["contents", "copy_without"]

_BLOBS = "blobs/sha256/"


def contents(archive: Path) -> dict[str, str]:
    """The images of an OCI archive: reference to manifest digest.

    Raises:
        ClusterError: It is no such archive.
    """
    try:
        with tarfile.open(archive) as tar:
            index = tar.extractfile("index.json")
            manifests = json.load(index)["manifests"] if index else []
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise ClusterError(
            f"{archive} is no OCI image archive (a tar with an index.json): {error}"
        ) from error
    found = {}
    for manifest in manifests:
        name = manifest.get("annotations", {}).get("io.containerd.image.name")
        if name:
            found[name] = manifest["digest"]
    if not found:
        raise ClusterError(f"{archive} names no image: the annotation io.containerd.image.name is missing")
    return found


def copy_without(archive: Path, digests: Collection[str], target: IO[bytes]) -> None:
    """Copy an archive but for the blobs with these digests (`sha256:...`)."""
    with tarfile.open(archive) as source, tarfile.open(fileobj=target, mode="w|") as copy:
        for entry in source:
            if f"sha256:{entry.name.removeprefix(_BLOBS)}" not in digests:
                copy.addfile(entry, source.extractfile(entry))
